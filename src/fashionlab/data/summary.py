"""What there is to say about a data set in numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from fashionlab.common.records import PictureSet
from fashionlab.data.normalise import normalisation


def summary(training: PictureSet, test: PictureSet) -> dict[str, Any]:
    """Plain values: source, classes, shape [C, H, W], mean and std per channel of the training pictures on the scale
    0 to 1, and for each split its number of pictures, number per class and hash (see `PictureSet.sha256`)."""
    mean, deviation = normalisation(training, np.arange(len(training)))
    return {
        "source": training.source,
        "classes": list(training.classes),
        "shape": list(training.images.shape[1:]),
        "mean": list(mean),
        "std": list(deviation),
        "splits": {"train": _split(training), "test": _split(test)},
    }


def _split(pictures: PictureSet) -> dict[str, Any]:
    counts = np.bincount(pictures.labels, minlength=len(pictures.classes)).tolist()
    return {
        "pictures": len(pictures),
        "per_class": dict(zip(pictures.classes, counts, strict=True)),
        "sha256": pictures.sha256,
    }
