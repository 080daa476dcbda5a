"""The training pictures of a data set, by name or path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fashionlab.common.records import PictureSet
from fashionlab.data.locate import locate
from fashionlab.data.read import read
from fashionlab.data.source import Wanted


def load_training(dataset: str = "fashion-mnist", *, data_dir: Path | None = None, **wanted: Any) -> PictureSet:
    """The training pictures, those for validation among them. No picture of the test split is read; its files may be
    opened to tell what they are, such as for the first rows of a table or the header of an array.

    dataset: a name of `DATASETS` or a path. data_dir: where a named set is (else see `locate`), or where one that was
    at that path lies now. wanted: the fields of `source.Wanted`.
    Raises UsageError for an unknown name or a wrong size, DataError for unusable data.
    """
    return read(locate(dataset, data_dir), "train", Wanted(**wanted))
