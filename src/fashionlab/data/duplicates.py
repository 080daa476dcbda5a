"""Equal pictures: within a part, under two labels, and in two parts. Told by a hash of their pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class _Hashed:
    """Some pictures of a set: what people call them, their places in it (int [M]) and their hashes (uint64 [M])."""

    part: str
    pictures: PictureSet
    places: np.ndarray
    hashes: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        return self.pictures.labels[self.places]


def duplicate_notes(training: PictureSet, split: Split, test: PictureSet | None = None) -> list[str]:
    """What there is to say about equal pictures within the fitting part, in two parts, and under two labels, in
    sentences; empty where all differ. Prepared pictures are compared: two that became the same are the same to the
    network."""
    parts = [*_divided(training, split), *([] if test is None else [_all(test)])]
    later = [sentence for number, one in enumerate(parts) for before in parts[:number]
             for sentence in _between(one, before)]
    return [*_repeats(parts[0]), *later, *_two_labels(parts)]


def overlap_notes(test: PictureSet, training: PictureSet, split: Split) -> list[str]:
    """Sentences on test pictures that are training or validation pictures too; empty where none is."""
    return [sentence for before in _divided(training, split) for sentence in _between(_all(test), before)]


def _divided(training: PictureSet, split: Split) -> list[_Hashed]:
    hashes = picture_hashes(training.images)
    parts = {"training": split.train, "validation": split.validation}
    return [_Hashed(part, training, places, hashes[places]) for part, places in parts.items()]


def _all(test: PictureSet) -> _Hashed:
    return _Hashed("test", test, np.arange(len(test)), picture_hashes(test.images))


def _repeats(one: _Hashed) -> list[str]:
    order = np.argsort(one.hashes, kind="stable")
    again = np.flatnonzero(one.hashes[order][1:] == one.hashes[order][:-1])
    if not len(again):
        return []
    example = " is ".join(_name(one, int(order[again[0] + step])) for step in (1, 0))
    return [f"{_pictures(len(again), one.part)} {'repeat' if len(again) > 1 else 'repeats'} another one (such as "
            f"{example})"]


def _between(one: _Hashed, before: _Hashed) -> list[str]:
    which = np.flatnonzero(np.isin(one.hashes, before.hashes))
    if not len(which):
        return []
    return [f"{_pictures(len(which), one.part)} {'are' if len(which) > 1 else 'is'} among the {before.part} pictures "
            f"too (such as {_name(one, int(which[0]))}): scores on them say little"]


def _two_labels(parts: Sequence[_Hashed]) -> list[str]:
    hashes, labels = (np.concatenate([getattr(one, what) for one in parts]) for what in ("hashes", "labels"))
    names = [(one, place) for one in parts for place in range(len(one.places))]
    order = np.lexsort((labels, hashes))
    changes = np.flatnonzero((hashes[order][1:] == hashes[order][:-1]) & (labels[order][1:] != labels[order][:-1]))
    if not len(changes):
        return []
    number = len(np.unique(hashes[order][changes]))
    pair = order[changes[0]], order[changes[0] + 1]
    classes = parts[0].pictures.classes
    return [f"{_pictures(number)} {'have' if number > 1 else 'has'} two labels (such as "
            f"{' and '.join(_name(*names[index]) for index in pair)}: "
            f"{' and '.join(classes[labels[index]] for index in pair)})"]


def _name(one: _Hashed, row: int) -> str:
    place = one.places[row]
    return one.pictures.files[place] if one.pictures.files else f"{one.part} picture {place}"


def _pictures(n: int, part: str = "") -> str:
    return f"{n:,} {part + ' ' if part else ''}picture{'s' if n > 1 else ''}"
