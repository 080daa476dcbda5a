"""The frozen records that stages pass to one another. Plain numpy: no torch, so that any stage can be tested alone."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.files import replacing
from fashionlab.common.logits import softmax
from fashionlab.common.mapped import consecutive, release, rows_at_once

SplitName = Literal["val", "test"]
# What people call them.
SPLITS: dict[SplitName, str] = {"val": "validation", "test": "test"}


@dataclass(frozen=True)
class Preparation:
    """How pictures become what a network sees: a part of the model, chosen when its training starts.

    way: a name in `fashionlab.preparation.WAYS`. size: rows and columns in pixels. channels: 1 (grey) or 3 (colour).
    background: red, green and blue (0-255) of what is transparent or stays empty.
    """

    way: str
    size: int
    channels: int
    background: tuple[int, int, int] = (0, 0, 0)

    @staticmethod
    def of(values: Mapping[str, Any]) -> Preparation:
        """Of what `dataclasses.asdict` made and JSON kept. Raises ValueError, KeyError or TypeError for others."""
        red, green, blue = (int(value) for value in values["background"])
        return Preparation(str(values["way"]), int(values["size"]), int(values["channels"]), (red, green, blue))


@dataclass(frozen=True)
class LeftOut:
    """A file that lies among the pictures and is not one of them, and why. Also for a folder as a whole."""

    file: str
    reason: str


@dataclass(frozen=True)
class PictureSet:
    """Pictures with labels.

    images: uint8 [N, C, H, W], C is 1 or 3, brightness 0-255 (may be memory-mapped).
    labels: int64 [N], each in [0, len(classes)).
    classes: the class names in label order. source: where the bytes came from, for people.
    preparation: how files became these pictures; None where arrays are as they were.
    validation: int64 indices of the pictures that the data set itself holds out for validation; None where it does not.
    groups: int64 [N], equal for pictures that belong together (of one sender, product, video); None where not asked.
    files: what each picture is called; None where they come from arrays.
    notes: what was taken for what, in sentences. left_out: what lies there and is none of the pictures.
    Raises DataError when the arrays do not fit together.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    source: str
    preparation: Preparation | None = None
    validation: np.ndarray | None = None
    groups: np.ndarray | None = None
    files: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != np.uint8 or self.images.shape[1] not in (1, 3):
            raise DataError(f"{self.source}: pictures must be uint8 [N, 1 or 3, H, W], not "
                            f"{self.images.dtype} {list(self.images.shape)}")
        if len(self.images) != len(self.labels):
            raise DataError(f"{self.source}: {len(self.images)} pictures but {len(self.labels)} labels")
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise DataError(f"{self.source}: labels from {self.labels.min()} to {self.labels.max()}, "
                            f"expected 0 to {len(self.classes) - 1}")

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def sha256(self) -> str:
        """Hash of shape, pictures and labels: equal for equal data whatever the file format."""
        digest = hashlib.sha256(str(self.images.shape).encode())
        step = rows_at_once(self.images)
        for start in range(0, len(self.images), step):
            digest.update(np.ascontiguousarray(self.images[start : start + step]).data)
            release(self.images)
        digest.update(np.ascontiguousarray(self.labels, dtype=np.int64).data)
        return digest.hexdigest()

    def subset(self, indices: np.ndarray) -> PictureSet:
        """The pictures at `indices` (int [M]), in that order; what the set held out for validation is forgotten."""
        view = consecutive(self.images, indices)
        return replace(
            self, images=self.images[indices] if view is None else view, labels=self.labels[indices], validation=None,
            groups=None if self.groups is None else self.groups[indices],
            files=None if self.files is None else tuple(self.files[index] for index in indices))


@dataclass(frozen=True)
class Split:
    """Which of the training pictures are for fitting and which for validation: int64 indices, sorted, disjoint."""

    train: np.ndarray
    validation: np.ndarray

    @cached_property
    def sha256(self) -> str:
        digest = hashlib.sha256(np.ascontiguousarray(self.train, dtype=np.int64).data)
        digest.update(b"|")
        digest.update(np.ascontiguousarray(self.validation, dtype=np.int64).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval: [low, high] holds the truth in a share `level` of repetitions."""

    estimate: float
    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True)
class Predictions:
    """What a model said: logits float32 [N, K], true labels int64 [N], indices int64 [N] into the split's source set,
    the class names [K], and the split's name ("val" or "test")."""

    logits: np.ndarray
    labels: np.ndarray
    indices: np.ndarray
    classes: tuple[str, ...]
    split: str

    def __post_init__(self) -> None:
        n, k = self.logits.shape
        if not (len(self.labels) == len(self.indices) == n and len(self.classes) == k):
            raise DataError(f"predictions on {self.split}: {n} x {k} logits, {len(self.labels)} labels, "
                            f"{len(self.indices)} indices, {len(self.classes)} classes do not fit together")
        if len(np.unique(self.indices)) != n:
            raise DataError(f"predictions on {self.split}: a picture is scored more than once")

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Softmax of the logits in float64, [N, K]."""
        return softmax(self.logits)

    @cached_property
    def predicted(self) -> np.ndarray:
        """The class with the highest logit, int64 [N]; the lowest index wins a tie."""
        return self.logits.argmax(axis=1)

    def save(self, path: Path) -> None:
        with replacing(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, logits=self.logits, labels=self.labels, indices=self.indices,
                                classes=np.array(self.classes), split=np.array(self.split))

    @staticmethod
    def load(path: Path) -> Predictions:
        """Read what `save` wrote. Raises DataError when the file is missing, truncated or something else."""
        try:
            # Opened here: np.load leaves a broken archive that it opened itself open.
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as data:
                return Predictions(data["logits"], data["labels"], data["indices"],
                                   tuple(data["classes"].tolist()), str(data["split"]))
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: no readable predictions ({error})") from error
