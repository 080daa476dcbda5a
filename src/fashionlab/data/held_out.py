"""The test split of a data set. That of a run is opened by `fashionlab.runs.held_out` alone, which records it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fashionlab.common.records import PictureSet
from fashionlab.data.locate import locate
from fashionlab.data.read import read
from fashionlab.data.seal import check_seal
from fashionlab.data.source import Wanted


def load_test(dataset: str = "fashion-mnist", *, data_dir: Path | None = None, **wanted: Any) -> PictureSet:
    """The test pictures; arguments and errors as for `load_training`, and SealedError within `sealed_test_split()`."""
    check_seal()
    return read(locate(dataset, data_dir), "test", Wanted(**wanted))
