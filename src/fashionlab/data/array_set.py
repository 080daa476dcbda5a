"""A data set of named arrays, wherever they lie: in one NPZ archive, or in .npy files of one folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.naming import some_of
from fashionlab.common.progress import note
from fashionlab.common.records import LeftOut
from fashionlab.data import array_values
from fashionlab.data.array_names import ArrayNames, Kind, usual_name
from fashionlab.data.source import PARTS, Part, RawPart, Source

_GLIMPSE = 64  # pictures
_ASKED: tuple[Part, ...] = ("test", "train", "val")  # of which the first that is there is answered


@dataclass(frozen=True)
class ArraySet:
    """Arrays that are loaded one by one.

    where: what messages call the file or folder. names: which array is what. all_names: of every array. load: the array
    of a name. header: its shape and type without loading it. Both raise DataError for damage, and for pickles unread.
    whites: what is white in the pictures that were looked at, by their array.
    """

    where: str
    names: ArrayNames
    all_names: tuple[str, ...]
    load: Callable[[str], np.ndarray]
    header: Callable[[str], tuple[tuple[int, ...], np.dtype]]
    whites: dict[str, float] = field(default_factory=dict)

    def source(self, describe: str, classes: tuple[str, ...] | None = None, left_out: tuple[LeftOut, ...] = ()
               ) -> Source:
        """classes: names in label order that are known from elsewhere. What is looked at: the names of the arrays, the
        class names, and the header of the training labels. Raises DataError without training pictures or labels."""
        pictures, labels = self.names.pictures, self.names.labels
        if "train" not in pictures:
            raise self._missing("pictures", "train")
        if "train" not in labels:
            raise self._missing("labels", "train")
        parts: list[Part] = [part for part in PARTS if part in pictures and part in labels]
        notes = list(self.names.notes)
        reasons = dict.fromkeys(self.names.unused, "an array whose name says neither pictures nor labels")
        for part in PARTS:
            if (part in pictures) != (part in labels):
                name, lacking = (pictures[part], "labels") if part in pictures else (labels[part], "pictures")
                notes.append(f"{name} has no {lacking}: it is no {PARTS[part]} part")
                reasons[name] = f"an array without {lacking}"
        unused = [LeftOut(f"{Path(self.where).name}: {name}", reason) for name, reason in reasons.items()]
        return Source(describe, {part: partial(self._part, part) for part in parts}, self._classes(classes),
                      tuple(notes), (*unused, *left_out))

    def lone_pictures(self) -> np.ndarray:
        """The test pictures, or those of the part there is, uint8 [N, C, H, W]; says which, where there are others."""
        present: list[Part] = [part for part in _ASKED if part in self.names.pictures]
        if not present:
            raise self._missing("pictures", "test")
        part = present[0]
        images, notes = self._pictures(part)
        for sentence in notes:
            note(sentence)
        others = [self.names.pictures[other] for other in present[1:]]
        if others:
            note(f"{self.where}: answered on the {len(images):,} pictures of {self.names.pictures[part]}, not on "
                 f"{' and '.join(others)}")
        return images

    def _missing(self, kind: Kind, part: Part) -> DataError:
        twin = (self.names.labels if kind == "pictures" else self.names.pictures).get(part)
        reason = f": {twin!r} has no {kind}" if twin else ""
        return DataError(f"{self.where}: array {usual_name(kind, part)!r} is missing{reason} "
                         f"(it has: {some_of(self.all_names) or 'none'})")

    def _classes(self, given: tuple[str, ...] | None) -> tuple[str, ...] | None:
        name, labels = self.names.classes, self.names.labels.get("train")
        own = None if name is None else array_values.to_classes(self.load(name), f"{self.where}: {name}")
        if own and given and own != given:
            raise DataError(f"{self.where}: {name} names other classes than classes.txt; remove one of them")
        classes = own or given
        columns = labels and array_values.one_hot_classes(*self.header(labels))
        if columns and classes is None:
            return tuple(str(number) for number in range(columns))
        if columns and classes and columns != len(classes):
            raise DataError(f"{self.where}: {labels} has {columns} columns, but there are {len(classes)} class names")
        return classes

    def _part(self, part: Part) -> RawPart:
        return self._training if part == "train" else self._read(part)

    @cached_property
    def _training(self) -> RawPart:
        """Kept: those for validation have their scale, and may be asked for first."""
        return self._read("train")

    def _read(self, part: Part) -> RawPart:
        x_name, y_name = self.names.pictures[part], self.names.labels[part]
        x_shape, y_shape = self.header(x_name)[0], self.header(y_name)[0]
        if x_shape[:1] != y_shape[:1]:
            raise DataError(f"{self.where}: {x_name} {list(x_shape)} and {y_name} {list(y_shape)} do not fit together")
        images, notes = self._pictures(part)
        labels, label_notes = array_values.to_labels(self.load(y_name), f"{self.where}: {y_name}")
        return RawPart(f"{self.where}: {y_name}", images, labels, notes=(*notes, *label_notes))

    def _pictures(self, part: Part) -> tuple[np.ndarray, tuple[str, ...]]:
        name = self.names.pictures[part]
        where = f"{self.where}: {name}"
        array, notes = array_values.channels_first(self.load(name), where, self._axes)
        if array.dtype != np.uint8:
            images, more = array_values.in_bytes(array, self._white(part, array), where)
            return images, (*notes, *more)
        if array[:_GLIMPSE].max() == 1 == array.max():
            notes = (*notes, f"{where}: no byte is larger than 1, so these pictures are nearly black (255 is white)")
        return (array if isinstance(array, np.memmap) else np.ascontiguousarray(array)), notes

    @cached_property
    def _axes(self) -> str | None:
        if self.names.axes is None:
            return None
        axes = str(self.load(self.names.axes))
        if axes not in ("NHWC", "NCHW"):
            raise DataError(f"{self.where}: {self.names.axes} is {axes[:40]!r}, expected NHWC or NCHW")
        return axes

    def _white(self, part: Part, array: np.ndarray) -> float:
        """All parts have the scale of the training pictures, where those are numbers of that kind."""
        own, training = self.names.pictures[part], self.names.pictures.get("train")
        name = training if training and training != own and self.header(training)[1] == array.dtype else own
        if part == "val" and name != own:
            self._part("train")  # which is asked for too, so that its pictures are loaded once
        if name not in self.whites:
            pictures = array if name == own else self.load(name)
            self.whites[name] = array_values.white_of(pictures, f"{self.where}: {name}")
        return self.whites[name]
