"""ONNX in 8-bit integers (`deploy.quantize` makes it); answers where it is good and fast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fashionlab.common.progress import note
from fashionlab.deploy.formats.base import FORMATS, GraphFormat, Row

if TYPE_CHECKING:
    from fashionlab.deploy.graph import Exported

CALIBRATION = 512  # training pictures on which the scales are observed


def make(network: Exported) -> bytes:
    import torch

    from fashionlab.common.runtime import generator
    from fashionlab.deploy.quantize import to_int8

    note(f"export: int8, calibrated on {CALIBRATION} training pictures")
    train = network.split.train
    drawn = torch.randperm(len(train), generator=generator(0, "calibration"))[:CALIBRATION].numpy()
    return to_int8(network.onnx, np.array(network.pictures.images[np.sort(train[drawn])]))


def judge(float32: Row, int8: Row, validation: Mapping[str, float]) -> dict[str, Any]:
    from fashionlab.deploy.check import judge_int8

    return judge_int8(float32, int8, validation)


FORMATS.add("int8", GraphFormat("model-int8.onnx", make, judge=judge))
