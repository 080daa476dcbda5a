"""ONNX in 8-bit integers (`deploy.quantize` makes it, `deploy.sensitivity` says which layers are kept from it); answers
where it is good and fast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fashionlab.common.progress import note
from fashionlab.deploy.formats.base import FORMATS, GraphFormat, Row

if TYPE_CHECKING:
    from fashionlab.common.records import PictureSet, Split
    from fashionlab.deploy.graph import Exported

CALIBRATION = 512  # training pictures on which the scales are observed, of those up to 56 x 56 pixels
_OF_LARGE = 128  # of larger ones, of whose values each has thousands of times as many


def make(network: Exported) -> bytes:
    from fashionlab.deploy.check import MOST_LOSS
    from fashionlab.deploy.quantize import Quantizer
    from fashionlab.deploy.sensitivity import layers_to_keep

    calibration = calibration_pictures(network.pictures, network.split)
    note(f"export: int8, calibrated on {len(calibration)} training pictures")
    quantizer = Quantizer(network.onnx, calibration)
    kept = layers_to_keep(quantizer, network.pictures.subset(network.split.validation), MOST_LOSS)
    if kept:
        note(f"export: int8 keeps {len(kept)} of {len(quantizer.layers)} layers in float32: {', '.join(kept)}")
    return quantizer.quantized(kept)


def calibration_pictures(pictures: PictureSet, split: Split) -> np.ndarray:
    """Training pictures drawn for a `Quantizer`, uint8 [N, C, H, W]; the same ones each time."""
    import torch

    from fashionlab.common.runtime import generator

    number = CALIBRATION if pictures.images.shape[-1] <= 56 else min(CALIBRATION, _OF_LARGE)
    drawn = torch.randperm(len(split.train), generator=generator(0, "calibration"))[:number].numpy()
    return np.array(pictures.images[np.sort(split.train[drawn])])


def judge(float32: Row, int8: Row, validation: Mapping[str, float]) -> dict[str, Any]:
    from fashionlab.deploy.check import judge_int8

    return judge_int8(float32, int8, validation)


FORMATS.add("int8", GraphFormat("model-int8.onnx", make, judge=judge))
