"""From bytes to pictures: the data stage.

Takes the name of a data set or a path in any of `fashionlab.data.formats`. Gives a `PictureSet` (uint8 [N, C, H, W]
and labels), a stratified, seeded `Split` of it, the mean and deviation of its training
pictures, and `ResidentPictures`, which keeps the whole set on the device and deals out batches in a reproducible order.

The test split is read by `fashionlab.data.held_out.load_test` alone, which is not exported here on purpose: training
and tuning run within `sealed_test_split()` (`fashionlab.data.seal`), where it refuses. That of a run is
opened by `fashionlab.runs.held_out`, which records it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fashionlab.data.catalog import DATASETS, NamedDataset
    from fashionlab.data.load import load_training
    from fashionlab.data.normalise import normalisation
    from fashionlab.data.resident import ResidentPictures, steps_per_epoch
    from fashionlab.data.splits import limit, make_split

__all__ = [
    "DATASETS",
    "NamedDataset",
    "ResidentPictures",
    "limit",
    "load_training",
    "make_split",
    "normalisation",
    "steps_per_epoch",
]

_MODULES = {
    "DATASETS": "catalog", "NamedDataset": "catalog", "ResidentPictures": "resident", "limit": "splits",
    "load_training": "load", "make_split": "splits", "normalisation": "normalise", "steps_per_epoch": "resident",
}


def __getattr__(name: str) -> Any:
    """Loaded when asked for: whoever only wants `fashionlab.data.formats`, as a service does, waits for no torch."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
