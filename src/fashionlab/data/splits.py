"""Which training pictures are for fitting and which for validation: stratified, seeded, the same on every machine."""

from __future__ import annotations

from typing import Literal

import numpy as np

from fashionlab.common.errors import UsageError
from fashionlab.common.records import PictureSet, Split


def make_split(labels: np.ndarray, validation: int | float, seed: int, groups: np.ndarray | None = None) -> Split:
    """Split pictures with `labels` (int [N]) into fitting and validation parts, every class in proportion.

    validation: a number of pictures, or (as a float below 1) a share; 0 gives an empty validation part. Where it
    suffices every class of two pictures or more is in both. groups: int [N]; pictures of one group stay together, as
    near to number and proportions as that allows.
    Raises UsageError when it exceeds the set or would leave a class without a training picture.
    """
    if isinstance(validation, float):
        if not 0 <= validation < 1:
            raise UsageError(f"validation {validation}: a share must be at least 0 and below 1")
        validation = round(validation * len(labels))
    if not 0 <= validation <= len(labels):
        raise UsageError(f"validation {validation}: the set has {len(labels)} pictures")
    counts = np.unique(labels, return_counts=True)[1]
    capacity = counts - 1
    if validation > capacity.sum():
        raise UsageError(f"validation {validation} of {len(labels)} pictures leaves a class without a training picture")
    if groups is not None and validation:
        return _grouped(labels, validation, seed, groups)
    chosen = _draw(labels, _with_every_class(_apportion(counts, validation, capacity), capacity), seed)
    return Split(train=np.flatnonzero(~chosen), validation=np.flatnonzero(chosen))


def _grouped(labels: np.ndarray, validation: int, seed: int, groups: np.ndarray) -> Split:
    """Whole groups, those with the most pictures first and else in random order, go where they bring the validation
    part's classes nearest to their proportion (as scikit-learn's StratifiedGroupKFold does, whose draws may change
    between versions)."""
    present, numbers = np.unique(labels, return_inverse=True)
    members = np.unique(groups, return_inverse=True)[1].reshape(-1)
    counts = np.zeros((members.max() + 1, len(present)), dtype=np.int64)
    np.add.at(counts, (members, numbers), 1)
    if len(counts) < 2:
        raise UsageError(f"validation {validation}: all {len(labels)} pictures are of one group, which stays together")
    total = counts.sum(axis=0)
    wanted = total * (validation / len(labels))
    keys = np.random.PCG64(seed).random_raw(len(counts))
    taken = np.zeros(len(present), dtype=np.int64)
    chosen = np.zeros(len(counts), dtype=bool)
    for group in np.lexsort((keys, -counts.sum(axis=1))):
        new = taken + counts[group]
        if np.square(new - wanted).sum() < np.square(taken - wanted).sum() and (new < total).all():
            taken, chosen[group] = new, True
    if not chosen.any():
        smallest = int(counts.sum(axis=1).min())
        raise UsageError(f"validation {validation}: the smallest group has {smallest} pictures; take more")
    return Split(train=np.flatnonzero(~chosen[members]), validation=np.flatnonzero(chosen[members]))


def divide(pictures: PictureSet, validation: int | float | Literal["given"], seed: int) -> Split:
    """`make_split` of a set, groups kept together; "given": as the set itself divides its pictures.

    Raises UsageError, for "given" where the set has no validation part too.
    """
    if validation != "given":
        return make_split(pictures.labels, validation, seed, pictures.groups)
    if pictures.validation is None:
        raise UsageError(f"data.validation given: {pictures.source} has no validation part; say how many pictures to "
                         "hold out")
    train = np.setdiff1d(np.arange(len(pictures)), pictures.validation)
    return Split(train, np.sort(pictures.validation))


def given_split(training: PictureSet) -> Split:
    """As the set itself divides its pictures; all are for fitting where it does not."""
    everything = np.arange(len(training))
    if training.validation is None:
        return Split(everything, everything[:0])
    return Split(np.setdiff1d(everything, training.validation), training.validation)


def parts_of(training: PictureSet) -> dict[Literal["train", "val"], PictureSet]:
    """The training pictures, and apart from them those that the set itself holds out for validation, if any."""
    split = given_split(training)
    if not len(split.validation):
        return {"train": training}
    return {"train": training.subset(split.train), "val": training.subset(split.validation)}


def limit(split: Split, labels: np.ndarray, n: int, seed: int) -> Split:
    """`split` with only `n` of its training pictures, every class in proportion; validation is unchanged.

    labels: int [N] of the whole set. Raises UsageError unless 1 <= n <= the number of training pictures.
    """
    if not 1 <= n <= len(split.train):
        raise UsageError(f"limit {n}: expected 1 to {len(split.train)}, the number of training pictures")
    train_labels = labels[split.train]
    counts = np.unique(train_labels, return_counts=True)[1]
    chosen = _draw(train_labels, _apportion(counts, n, counts), seed)
    return Split(train=split.train[chosen], validation=split.validation)


def _apportion(counts: np.ndarray, total: int, capacity: np.ndarray) -> np.ndarray:
    """How many to take of each class (int64 [K]): in proportion to `counts`, `total` in all, at most `capacity` each.

    Largest remainder method in integers (no rounding that could differ between machines); the lower label wins a tie.
    """
    scaled = counts.astype(np.int64) * total
    share = np.minimum(scaled // counts.sum(), capacity)
    remainder = scaled - share * counts.sum()
    while (missing := total - share.sum()) > 0:
        free = np.flatnonzero(share < capacity)
        most = free[np.argsort(-remainder[free], kind="stable")][:missing]
        share[most] += 1
        remainder[most] -= counts.sum()
    return share


def _with_every_class(share: np.ndarray, capacity: np.ndarray) -> np.ndarray:
    """`share` (int64 [K]) with one for each class that has none and could have one, taken from the largest shares;
    as it is where there are not enough."""
    lacking = np.flatnonzero((share == 0) & (capacity > 0))
    if not len(lacking) or share.sum() < np.count_nonzero(capacity):
        return share
    share = share.copy()
    for label in lacking:
        share[share.argmax()] -= 1
        share[label] = 1
    return share


def _draw(labels: np.ndarray, take: np.ndarray, seed: int) -> np.ndarray:
    """bool [N]: for the i-th class present `take[i]` pictures drawn at random.

    Sorts by raw generator output: numpy promises that stream for ever, its shuffles may change between versions.
    """
    keys = np.random.PCG64(seed).random_raw(len(labels))
    chosen = np.zeros(len(labels), dtype=bool)
    for label, number in zip(np.unique(labels), take, strict=True):
        members = np.flatnonzero(labels == label)
        chosen[members[np.argsort(keys[members], kind="stable")[:number]]] = True
    return chosen
