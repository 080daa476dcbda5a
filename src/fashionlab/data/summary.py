"""What there is to say about a data set: in numbers, and in sentences what was taken for what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from fashionlab.common.naming import some_of
from fashionlab.common.records import LeftOut, PictureSet, Preparation, Split
from fashionlab.data.doubts import doubts
from fashionlab.data.duplicates import duplicate_notes
from fashionlab.data.grouping import crossing_notes
from fashionlab.data.normalise import normalisation
from fashionlab.data.splits import given_split, parts_of

_EXAMPLES = 3


def summary(training: PictureSet, test: PictureSet, preparation: Preparation, reason: str) -> dict[str, Any]:
    """Plain values: source, classes, shape [C, H, W], mean and std per channel of the training pictures on the scale
    0 to 1; for each split its number of pictures, number per class and hash (see `PictureSet.sha256`); left_out, file
    and reason; notes, what was taken for what; preparation, what training would choose, and why."""
    split = given_split(training)
    mean, deviation = normalisation(training, split.train)
    splits = {**parts_of(training), "test": test}
    left_out = dict.fromkeys((*training.left_out, *test.left_out))
    notes = dict.fromkeys((*training.notes, *test.notes, *doubts(training), *duplicate_notes(training, split, test),
                           *crossing_notes(training, split, test)))
    return {
        "source": training.source,
        "classes": list(training.classes),
        "shape": list(training.images.shape[1:]),
        "mean": list(mean),
        "std": list(deviation),
        "splits": {name: _split(part) for name, part in splits.items()},
        "left_out": [vars(one) for one in left_out],
        "notes": list(notes),
        "preparation": {"name": preparation.way, "size": preparation.size, "channels": preparation.channels,
                        "background": f"#{bytes(preparation.background).hex()}", "reason": reason},
    }


def untold_notes(pictures: PictureSet) -> list[str]:
    """The notes but for what stands in the description of the source."""
    return [note for note in pictures.notes if note not in pictures.source]


def left_out_lines(left_out: Sequence[LeftOut]) -> list[str]:
    """A line for each reason: how many files, and the first few of them."""
    by_reason = defaultdict[str, list[str]](list)
    for one in left_out:
        by_reason[one.reason].append(one.file)
    most_first = sorted(by_reason.items(), key=lambda pair: -len(pair[1]))
    return [f"left out, {reason}: {some_of(files, _EXAMPLES)}" for reason, files in most_first]


def counts_line(training: PictureSet, split: Split) -> str:
    """How many pictures each part has, in words."""
    fewest, most = np.sort(np.bincount(training.labels[split.train], minlength=len(training.classes)))[[0, -1]]
    held_out = f" and {len(split.validation):,} validation pictures" if len(split.validation) else " pictures"
    a_class = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    return (f"{len(split.train):,} training{held_out} of {len(training.classes)} classes, {a_class} a class for "
            f"training, from {training.source}")


def _split(pictures: PictureSet) -> dict[str, Any]:
    counts = np.bincount(pictures.labels, minlength=len(pictures.classes)).tolist()
    return {
        "pictures": len(pictures),
        "per_class": dict(zip(pictures.classes, counts, strict=True)),
        "sha256": pictures.sha256,
    }
