"""The test split, and the seal that keeps training and tuning from it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fashionlab.common.errors import FashionlabError
from fashionlab.common.records import PictureSet
from fashionlab.data.locate import locate
from fashionlab.data.source import Wanted

# A count for the whole process and no context variable: threads that training starts must find the seal too.
_lock = threading.Lock()
_seals = 0


class SealedError(FashionlabError, RuntimeError):
    """The test split was asked for during training or tuning: a defect of the program, not of the data."""


@contextmanager
def sealed_test_split() -> Iterator[None]:
    """`load_test` raises SealedError while the block runs, in every thread of the process. May be nested."""
    global _seals
    with _lock:
        _seals += 1
    try:
        yield
    finally:
        with _lock:
            _seals -= 1


def load_test(dataset: str = "fashion-mnist", *, data_dir: Path | None = None, image_size: int | None = None,
              channels: int | None = None, skip_unreadable: bool = False) -> PictureSet:
    """The test pictures; arguments and errors as for `load_training`, and SealedError within `sealed_test_split()`."""
    if _seals:
        raise SealedError("the test split is sealed during training: selection and tuning see training pictures only")
    return locate(dataset, data_dir).read("test", Wanted(image_size, channels, skip_unreadable))
