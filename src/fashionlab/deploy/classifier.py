"""What every classifier answers to, whether a run in PyTorch or an artifact in ONNX Runtime."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.deploy.rules import Answers
from fashionlab.preparation import Preparations


class Classifier(Protocol):
    """classes: names in label order. Pictures have `channels` channels and `image_size` rows and columns."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def channels(self) -> int: ...

    @property
    def image_size(self) -> int: ...

    @property
    def preparations(self) -> Preparations:
        """How pictures come into the form that it takes."""
        ...

    def answer(self, pictures: np.ndarray) -> Answers:
        """What it says of prepared pictures uint8 [N, C, H, W]. N may be 0. Raises DataError for pictures of another
        form."""
        ...


def shaped(pictures: np.ndarray, classifier: Classifier) -> np.ndarray:
    """`pictures` as uint8 [N, C, H, W]. Raises DataError when they have another form than `classifier` takes."""
    channels, side = classifier.channels, classifier.image_size
    images = pictures
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (channels, side, side):
        raise DataError(f"pictures must be uint8 [N, {channels}, {side}, {side}], not {pictures.dtype} "
                        f"{list(pictures.shape)}")
    return images
