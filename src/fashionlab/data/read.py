"""A source's part as a `PictureSet`: divided, labelled, prepared. The one place where formats become pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

import numpy as np

from fashionlab.common.errors import DataError, UsageError
from fashionlab.common.progress import note
from fashionlab.common.records import LeftOut, PictureSet, Preparation
from fashionlab.data.grouping import group_names
from fashionlab.data.on_disk import empty_like, joined
from fashionlab.data.source import RawPart, Source, Wanted, class_numbers, numbered_classes
from fashionlab.data.splits import make_split
from fashionlab.preparation import PictureFacts, choose, in_words, prepare_arrays
from fashionlab.preparation.choose import facts_of_arrays

_HELD_OUT_SEED = 2017  # fixed for ever: another seed would be another test split
HELD_OUT_NOTE = "no test part: a stratified sixth is held out as one"


def read(source: Source, part: Literal["train", "test"], wanted: Wanted) -> PictureSet:
    """The training pictures, those that the source holds out for validation among them, or the test pictures.

    Raises DataError for unusable data, UsageError for a wish that cannot be fulfilled.
    """
    return SourceReader(source, wanted).read(part)


class SourceReader:
    """What is known of a source, each part read once."""

    def __init__(self, source: Source, wanted: Wanted) -> None:
        self.source, self.wanted = source, wanted

    @cached_property
    def _whole(self) -> RawPart:
        """The training part before a test part is held out."""
        return self.source.parts["train"]()

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """In label order."""
        if self.source.classes is not None:
            return self.source.classes
        labels = self._whole.labels
        if labels.dtype.kind in "US":
            return tuple(sorted(set(labels.tolist())))
        return numbered_classes(labels, self._whole.where)

    @cached_property
    def training(self) -> RawPart:
        """The training pictures without those for validation or test."""
        numbers = class_numbers(self._whole, self.classes)
        return self._whole if "test" in self.source.parts else self._whole.subset(self._held_out(numbers)[0])

    @cached_property
    def validation(self) -> RawPart | None:
        return self.source.parts["val"]() if "val" in self.source.parts else None

    @cached_property
    def test(self) -> RawPart:
        if "test" in self.source.parts:
            return self.source.parts["test"]()
        return self._whole.subset(self._held_out(class_numbers(self._whole, self.classes))[1])

    def _held_out(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Indices (sorted int64) of the training and the test part where there is none: always the same sixth."""
        where = self._whole.where
        groups = None if self.wanted.group is None else _numbered(group_names(self._whole, self.wanted.group))
        try:
            split = make_split(numbers, len(numbers) // 6, _HELD_OUT_SEED, groups)
        except UsageError as error:
            raise DataError(f"{where}: has no test part and is too small to hold one out ({error})") from error
        if not len(split.validation):
            raise DataError(f"{where}: has no test part and is too small to hold one out "
                            f"({len(numbers)} pictures); bring six a class or more")
        return split.train, split.validation

    @cached_property
    def facts(self) -> PictureFacts:
        """What the training pictures are like."""
        if isinstance(self.training.pictures, np.ndarray):
            return facts_of_arrays(self.training.pictures)
        from fashionlab.data.decode import survey

        return survey(self.training.pictures)

    @cached_property
    def chosen(self) -> tuple[Preparation, str]:
        """How pictures are prepared, and why."""
        wanted = self.wanted
        if wanted.preparation is not None:
            return wanted.preparation, "as the model has it"
        return choose(self.facts, way=wanted.way, size=wanted.image_size, channels=wanted.channels,
                      background=wanted.background)

    @cached_property
    def preparation(self) -> Preparation | None:
        """None where pictures are left as they are: nothing was said, and all have one size."""
        return None if self.wanted.says_nothing and self.facts.same is not None else self.chosen[0]

    def read(self, part: Literal["train", "test"]) -> PictureSet:
        if part == "test":
            return self._set([self.test], None)
        if self.validation is None:
            return self._set(self._learned, None)
        first = len(self.training)
        return self._set(self._learned, np.arange(first, first + len(self.validation)))

    @property
    def _learned(self) -> list[RawPart]:
        """The training part, and the validation part where there is one."""
        return [self.training] if self.validation is None else [self.training, self.validation]

    def _set(self, parts: list[RawPart], validation: np.ndarray | None) -> PictureSet:
        """validation: which of them are; those that cannot be read and are left out are counted in."""
        labels = np.concatenate([class_numbers(part, self.classes) for part in parts])
        images, unreadable = self._images(parts)
        left_out = [*self.source.left_out, *(one for part in parts for one in part.left_out)]
        names = None if any(part.names is None for part in parts) else tuple(
            name for part in parts for name in part.names or ())
        groups = self._group_numbers(parts)
        if unreadable:
            readable = np.setdiff1d(np.arange(len(labels)), list(unreadable))
            left_out += self._skipped(labels, readable, names or (), unreadable)
            labels = labels[readable]
            names = None if names is None else tuple(names[index] for index in readable)
            groups = None if groups is None else groups[readable]
            validation = None if validation is None else np.flatnonzero(np.isin(readable, validation))
        return PictureSet(images, labels, self.classes, self._describe(), self.preparation, validation, groups, names,
                          self._notes(parts), tuple(left_out))

    def _skipped(self, labels: np.ndarray, readable: np.ndarray, names: Sequence[str],
                 unreadable: dict[int, str]) -> list[LeftOut]:
        """The pictures that cannot be read, named on stderr too. Raises DataError where a class has no other."""
        lost = np.setdiff1d(labels, labels[readable])
        if len(lost):
            index = next(index for index in unreadable if labels[index] == lost[0])
            raise DataError(f"{self.source.describe}: no readable picture of class {self.classes[lost[0]]!r}: "
                            f"{names[index]}: {unreadable[index]}")
        for index, reason in unreadable.items():
            note(f"skipped {names[index]}: {reason}")
        return [LeftOut(names[index], reason) for index, reason in unreadable.items()]

    @cached_property
    def _group_names(self) -> list[str]:
        """Of the training and the validation part, sorted."""
        return np.unique(self._groups_of(self._learned)).tolist()

    def _groups_of(self, parts: list[RawPart]) -> np.ndarray:
        assert self.wanted.group is not None
        return np.concatenate([group_names(part, self.wanted.group) for part in parts])

    def _group_numbers(self, parts: list[RawPart]) -> np.ndarray | None:
        """int64 [N], a group's number the same in all parts; None where groups were not asked for, and of a test part
        in which they cannot be told: nothing depends on that."""
        if self.wanted.group is None:
            return None
        known = self._group_names
        try:
            names = self._groups_of(parts).tolist()
        except UsageError:  # not of the others, which were looked at before
            return None
        number_of = {name: number for number, name in enumerate([*known, *sorted(set(names) - set(known))])}
        return np.array([number_of[name] for name in names], dtype=np.int64)

    def _images(self, parts: list[RawPart]) -> tuple[np.ndarray, dict[int, str]]:
        """uint8 [N, C, H, W] of all parts, without those that cannot be read, and why these cannot, by index."""
        arrays = [part.pictures for part in parts if isinstance(part.pictures, np.ndarray)]
        if arrays:
            if self.preparation is not None:
                arrays = [prepare_arrays(array, self.preparation, partial(empty_like, array)) for array in arrays]
            shapes = {array.shape[1:] for array in arrays}
            if len(shapes) > 1:
                raise DataError(f"{parts[1].where}: pictures of another shape than {parts[0].where}")
            return joined(arrays), {}
        from fashionlab.data.decoded_cache import DecodedCache  # needs platformdirs, which a service goes without

        files: Sequence[Path] = [file for part in parts for file in part.pictures]
        form = self.preparation or self.facts
        return DecodedCache(files, form).read(self.wanted.skip_unreadable)

    def _describe(self) -> str:
        held_out = "" if "test" in self.source.parts else f" ({HELD_OUT_NOTE})"
        return f"{self.source.describe}{held_out}"

    def _notes(self, parts: list[RawPart]) -> tuple[str, ...]:
        notes = [*self.source.notes, *(note for part in parts for note in part.notes)]
        if "test" not in self.source.parts:
            notes.append(HELD_OUT_NOTE)
        if self.preparation is not None and self.wanted.preparation is None:
            notes.append(f"prepared as {in_words(self.preparation)} ({self.chosen[1]})")
        return tuple(dict.fromkeys(notes))


def _numbered(names: np.ndarray) -> np.ndarray:
    """int64 [N], equal where the names are."""
    return np.unique(names, return_inverse=True)[1].astype(np.int64).reshape(-1)
