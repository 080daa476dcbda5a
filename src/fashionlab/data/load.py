"""The training pictures of a data set, by name or path."""

from __future__ import annotations

from pathlib import Path

from fashionlab.common.records import PictureSet
from fashionlab.data.locate import locate
from fashionlab.data.source import Wanted


def load_training(dataset: str = "fashion-mnist", *, data_dir: Path | None = None, image_size: int | None = None,
                  channels: int | None = None, skip_unreadable: bool = False) -> PictureSet:
    """The training pictures; no file of the test split is opened.

    dataset: a name of `DATASETS` or a path. data_dir: where a named set is (else see `locate`). image_size, channels:
    bring pictures to that square size and 1 or 3 channels; None keeps what the set has. skip_unreadable: list broken
    pictures of an image folder on stderr and go on.
    Raises UsageError for an unknown name or a wrong size, DataError for unusable data.
    """
    return locate(dataset, data_dir).read("train", Wanted(image_size, channels, skip_unreadable))
