"""Pictures that belong together: of one sender, one product, one film."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np

from fashionlab.common.errors import UsageError
from fashionlab.common.naming import some_of
from fashionlab.common.records import PictureSet, Split
from fashionlab.data.source import RawPart

_SIGNS = re.compile(r"[\\.^$*+?{}\[\]|()]")  # that make a pattern more than a word


def group_names(part: RawPart, group: str) -> np.ndarray:
    """N texts, equal for pictures that belong together; a picture whose group is blank belongs to no other one.

    group: the name of a column of the list; else a regular expression, which finds the group in a file's name or, where
    that does not match, in its path within the data set: what its brackets enclose, or all that it matches. Raises
    UsageError where it is neither, does not match a picture, or is a column that is not known here.
    """
    if group in part.columns:
        return _each_blank_apart(part, part.columns[group].tolist())
    if group in part.unknown_columns:
        raise UsageError(f"--group {group}: {part.where}: {part.unknown_columns[group]}")
    if part.names is None and not part.columns:
        raise UsageError(f"--group {group}: {part.where} has neither columns nor file names")
    listed = f" ({some_of(sorted(part.columns))})" if part.columns else ""
    problem = f"--group {group}: {part.where} has no column of that name{listed}, and"
    if part.names is None:
        raise UsageError(f"{problem} no file names")
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise UsageError(f"{problem} it is no pattern ({error})") from error
    matches = [pattern.search(PurePath(name).name) or pattern.search(name) for name in part.names]
    if missing := [name for name, match in zip(part.names, matches, strict=True) if match is None]:
        raise UsageError(f"{problem} as a pattern it does not match {some_of(missing, 1)}")
    if not _SIGNS.search(group):
        raise UsageError(f"{problem} as a pattern it finds the same in every name")
    return _each_blank_apart(part, [match.group(1) if pattern.groups else match.group() for match in matches if match])


def _each_blank_apart(part: RawPart, texts: Sequence[str | None]) -> np.ndarray:
    """The N texts, of which each blank one becomes one that no other picture has, in this part or another."""
    names = range(len(part)) if part.names is None else part.names
    return np.array([text if text and text.strip() else f"\0{part.where}\0{name}"
                     for text, name in zip(texts, names, strict=True)], dtype=object)


def crossing_notes(pictures: PictureSet, split: Split, test: PictureSet | None = None) -> list[str]:
    """How many groups are in two parts, and how many pictures belong to no other one, in sentences; none where groups
    were not asked for."""
    if pictures.groups is None:
        return []
    parts = {"validation": pictures.groups[split.validation]}
    everything = pictures.groups
    if test is not None and test.groups is not None:
        parts["test"] = test.groups
        everything = np.concatenate([everything, test.groups])
    counts = np.unique(everything, return_counts=True)[1]
    crossing = {part: len(np.intersect1d(pictures.groups[split.train], members)) for part, members in parts.items()}
    notes = [f"{both:,} of {len(counts):,} groups are in the training and in the {part} part: scores on pictures of "
             "known groups promise too much" for part, both in crossing.items() if both]
    if test is not None and test.groups is None:
        notes.append("the test part does not tell which pictures belong together: some may belong to training pictures")
    notes = notes or [f"{len(counts):,} groups, each in one part"]
    if alone := np.count_nonzero(counts == 1):
        notes.append(f"{alone:,} of {len(everything):,} pictures belong to no other, as those do whose group is blank")
    return notes
