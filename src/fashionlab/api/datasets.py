"""`fl.datasets`: data sets by name or path, as arrays, in numbers and as a picture.

A path is whatever a data format reads (`fashionlab list formats`, docs/own-pictures.md): folders of pictures, lists,
tables, arrays, IDX files and archives.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from PIL import Image

from fashionlab import data
from fashionlab.common.arguments import PathLike, as_optional_path, as_path, as_text, check_choice, check_number
from fashionlab.common.errors import UsageError
from fashionlab.common.progress import note
from fashionlab.common.records import PictureSet, Split
from fashionlab.data import contact_sheet as sheets
from fashionlab.data.contents import contents_of
from fashionlab.data.convert import check
from fashionlab.data.convert import convert as write
from fashionlab.data.held_out import load_test
from fashionlab.data.locate import fetch_named, locate
from fashionlab.data.normalise import normalisation
from fashionlab.data.read import SourceReader
from fashionlab.data.source import Wanted
from fashionlab.data.splits import divide
from fashionlab.data.summary import left_out_lines, summary
from fashionlab.preparation import choose
from fashionlab.recipes.fitting import form_for

__all__ = ["PictureSet", "Split", "contact_sheet", "convert", "fetch", "info", "load", "names", "normalisation",
           "split"]


def names() -> list[str]:
    """The data sets that have names."""
    return data.DATASETS.names()


def load(dataset: PathLike = "fashion-mnist", part: Literal["train", "test"] = "train", *,
         data_dir: PathLike | None = None, image_size: int | None = None, channels: int | None = None,
         group: str | None = None, skip_unreadable: bool = False) -> PictureSet:
    """The pictures of a part: images uint8 [N, C, H, W], labels int64 [N], class names.

    data_dir: where the files of a named set are; else FASHIONLAB_DATA, the cache, the system, a download. image_size,
    channels: bring all to that square size and 1 or 3 channels. group: what belongs together, a column of the list or a
    pattern of the file name; `split` keeps it in one part. skip_unreadable: leave broken pictures of a folder out,
    named on stderr. Raises UsageError for an unknown name, DataError for unusable data.
    """
    check_choice(part, ("train", "test"), "part")
    read = data.load_training if part == "train" else load_test
    return read(as_text(dataset, "dataset"), data_dir=as_optional_path(data_dir, "data_dir"), image_size=image_size,
                channels=channels, group=group, skip_unreadable=skip_unreadable)


def split(pictures: PictureSet, validation: int | float = 5000, seed: int = 0) -> Split:
    """Which pictures to learn from and which to hold out: stratified, groups kept together, and the same everywhere for
    the same seed.

    validation: a number of pictures, or a share below 1.
    """
    _check_pictures(pictures)
    check_number(validation, "validation")
    return divide(pictures, validation, seed)


def info(dataset: PathLike = "fashion-mnist", *, data_dir: PathLike | None = None,
         group: str | None = None) -> dict[str, Any]:
    """What there is to say about a data set: see `fashionlab.data.summary.summary`. Pictures that cannot be read are
    listed among what is left out.

    group: a column of the list, or a pattern of the file name: how many groups are in two parts is told.
    """
    name = as_text(dataset, "dataset")
    reader = SourceReader(locate(name, as_optional_path(data_dir, "data_dir")),
                          Wanted(group=group, skip_unreadable=True))
    size, channels = form_for(contents_of(reader))
    return {"dataset": name, **summary(reader.read("train"), reader.read("test"),
                                       *choose(reader.facts, size=size, channels=channels))}


def contact_sheet(pictures: PictureSet, examples: int = 10) -> Image.Image:
    """A row for each class: its name, its mean picture, and `examples` pictures."""
    _check_pictures(pictures)
    return sheets.contact_sheet(pictures, examples)


def fetch(name: str = "fashion-mnist", data_dir: PathLike | None = None) -> Path:
    """Make sure that a named data set is on this machine, whole and verified; its folder."""
    return fetch_named(name, as_optional_path(data_dir, "data_dir"))


def convert(source: PathLike, target: PathLike, to: str, *, data_dir: PathLike | None = None,
            skip_unreadable: bool = False, overwrite: bool = False) -> Path:
    """Write a data set as idx, csv, npz or folder: order, parts, labels, pixels and class names stay.

    Pictures of one size are written as they are; of different sizes, which no array holds, as training would prepare
    them. That, and what is left out, is told on stderr.
    """
    path = as_path(target, "target")
    check(path, to, overwrite)
    train, test = (load(source, part, data_dir=data_dir, skip_unreadable=skip_unreadable)
                   for part in ("train", "test"))
    write(train, test, path, to, overwrite)
    for line in (*train.notes, *left_out_lines((*train.left_out, *test.left_out))):
        note(line)
    return path


def _check_pictures(value: object) -> None:
    if not isinstance(value, PictureSet):
        raise UsageError(f"pictures: {type(value).__name__}, expected what `fl.datasets.load` gives")
