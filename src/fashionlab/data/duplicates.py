"""Equal pictures: within a part, under two labels, and in two parts. Told by a hash of their pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from fashionlab.common.mapped import release, rows_at_once
from fashionlab.common.records import PictureSet, Split


def picture_hashes(images: np.ndarray) -> np.ndarray:
    """uint64 [N], equal where pictures uint8 [N, C, H, W] are: 64 bits of BLAKE2, which by chance are equal once in
    ten thousand sets of 50 million pictures."""
    digests = bytearray()
    step = rows_at_once(images)
    for start in range(0, len(images), step):
        for image in images[start : start + step]:
            digests += hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=8).digest()
        release(images)
    return np.frombuffer(digests, dtype=np.uint64)


def duplicate_notes(training: PictureSet, split: Split | None = None, test: PictureSet | None = None) -> list[str]:
    """What there is to say about equal pictures, in sentences; empty where all differ. Prepared pictures are compared:
    two that became the same are the same to the network."""
    hashes = picture_hashes(training.images)
    notes = _within(training, hashes)
    if split is not None and len(split.validation):
        fitted = hashes[split.train]
        notes += _between(training, split.validation[np.isin(hashes[split.validation], fitted)], "validation")
    return notes if test is None else notes + overlap_note(test, training)


def overlap_note(test: PictureSet, training: PictureSet) -> list[str]:
    """One sentence on test pictures that are training pictures too; none where there is none."""
    known = np.isin(picture_hashes(test.images), picture_hashes(training.images))
    return _between(test, np.flatnonzero(known), "test")


def _within(pictures: PictureSet, hashes: np.ndarray) -> list[str]:
    order = np.argsort(hashes, kind="stable")
    equal = hashes[order][1:] == hashes[order][:-1]
    if not equal.any():
        return []
    first, second = order[:-1][equal], order[1:][equal]
    notes = [f"{_pictures(len(second))} of the training part {'are' if len(second) > 1 else 'is'} there twice"
             f" (such as {_names(pictures, (first[0], second[0]))})"]
    differ = pictures.labels[first] != pictures.labels[second]
    if differ.any():
        pair = first[differ][0], second[differ][0]
        labels = " and ".join(pictures.classes[pictures.labels[index]] for index in pair)
        notes.append(f"{_pictures(int(differ.sum()))} {'have' if differ.sum() > 1 else 'has'} two labels (such as "
                     f"{_names(pictures, pair)}: {labels})")
    return notes


def _between(pictures: PictureSet, which: np.ndarray, part: str) -> list[str]:
    if not len(which):
        return []
    return [f"{_pictures(len(which), part)} {'are' if len(which) > 1 else 'is'} among the training pictures too (such "
            f"as {_names(pictures, which[:1])}): scores on them say little"]


def _pictures(n: int, part: str = "") -> str:
    return f"{n:,} {part + ' ' if part else ''}picture{'s' if n > 1 else ''}"


def _names(pictures: PictureSet, indices: Sequence[int] | np.ndarray) -> str:
    return " and ".join(pictures.files[index] if pictures.files else f"picture {index}" for index in indices)
