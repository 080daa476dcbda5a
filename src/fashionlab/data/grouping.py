"""Pictures that belong together: of one sender, one product, one film."""

from __future__ import annotations

import re

import numpy as np

from fashionlab.common.errors import UsageError, did_you_mean
from fashionlab.common.records import PictureSet, Split
from fashionlab.data.source import RawPart


def group_names(part: RawPart, group: str) -> np.ndarray:
    """N texts, equal for pictures that belong together.

    group: the name of a column of the list; else a regular expression, which finds the group in a picture's name: what
    its brackets enclose, or all that it matches. Raises UsageError where it is neither, or does not match a picture.
    """
    if group in part.columns:
        return part.columns[group]
    if part.names is None:
        raise UsageError(f"--group {group}: {part.where} has neither columns nor file names")
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise UsageError(f"--group {group}: no column of that name, and no pattern ({error}); "
                         f"{did_you_mean(group, part.columns)}") from error
    found = [pattern.search(name) for name in part.names]
    missing = [name for name, match in zip(part.names, found, strict=True) if match is None]
    if missing:
        columns = f"; columns: {', '.join(sorted(part.columns))}" if part.columns else ""
        raise UsageError(f"--group {group}: a pattern that does not match {missing[0]} (and {len(missing) - 1} more)"
                         f"{columns}")
    return np.array([(match.group(1) if pattern.groups else match.group()) or "" for match in found if match])


def crossing_note(pictures: PictureSet, split: Split) -> list[str]:
    """One sentence on groups that are in both parts of `split`; none where groups were not asked for."""
    if pictures.groups is None:
        return []
    both = np.intersect1d(pictures.groups[split.train], pictures.groups[split.validation])
    groups = len(np.unique(pictures.groups))
    if not len(both):
        return [f"{groups:,} groups, each in one part"]
    return [f"{len(both):,} of {groups:,} groups are in the training and in the validation part: scores on pictures "
            "of known groups promise too much"]
