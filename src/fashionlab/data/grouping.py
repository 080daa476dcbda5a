"""Pictures that belong together: of one sender, one product, one film."""

from __future__ import annotations

import re
from pathlib import PurePath

import numpy as np

from fashionlab.common.errors import UsageError, did_you_mean
from fashionlab.common.records import PictureSet, Split
from fashionlab.data.source import RawPart


def group_names(part: RawPart, group: str) -> np.ndarray:
    """N texts, equal for pictures that belong together.

    group: the name of a column of the list; else a regular expression, which finds the group in a file's name or, where
    that does not match, in its path within the data set: what its brackets enclose, or all that it matches. Raises
    UsageError where it is neither, does not match a picture, or is a column that is not known here.
    """
    if group in part.columns:
        return part.columns[group]
    if group in part.unknown_columns:
        raise UsageError(f"--group {group}: {part.where}: {part.unknown_columns[group]}")
    if part.names is None:
        raise UsageError(f"--group {group}: {part.where} has neither columns nor file names")
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise UsageError(f"--group {group}: no column of that name, and no pattern ({error}); "
                         f"{did_you_mean(group, part.columns)}") from error
    found = [pattern.search(PurePath(name).name) or pattern.search(name) for name in part.names]
    missing = [name for name, match in zip(part.names, found, strict=True) if match is None]
    if missing:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        column = f"no column of that name ({', '.join(sorted(part.columns))}), and " if part.columns else ""
        raise UsageError(f"--group {group}: {column}a pattern that does not match {missing[0]}{more}")
    return np.array([(match.group(1) if pattern.groups else match.group()) or "" for match in found if match])


def crossing_notes(pictures: PictureSet, split: Split, test: PictureSet | None = None) -> list[str]:
    """How many groups are in two parts, in sentences; none where groups were not asked for."""
    if pictures.groups is None:
        return []
    parts = {"validation": pictures.groups[split.validation]}
    if test is not None and test.groups is not None:
        parts["test"] = test.groups
    groups = len(np.unique(np.concatenate([pictures.groups, *parts.values()])))
    crossing = {part: len(np.intersect1d(pictures.groups[split.train], members)) for part, members in parts.items()}
    return [f"{both:,} of {groups:,} groups are in the training and in the {part} part: scores on pictures of known "
            "groups promise too much" for part, both in crossing.items() if both] or [
            f"{groups:,} groups, each in one part"]
