"""Operations tried on a few pictures outside of training, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from fashionlab.augment.base import Draw
from fashionlab.augment.pipeline import build
from fashionlab.common.runtime import generator


def preview(operations: Sequence[dict[str, Any]], images: np.ndarray, labels: np.ndarray, classes: int, *,
            seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """What training would make of uint8 [N, C, H, W] with int64 labels [N]: new pictures uint8 [N, C, H, W] and their
    targets float32 [N, classes], one-hot where nothing mixes. Every picture has its own draw; the same `seed` gives the
    same. Raises UsageError for an unknown operation or field.
    """
    draw = Draw(generator(seed, "preview"))
    pictures, targets = build(operations)(torch.from_numpy(images).float() / 255, torch.from_numpy(labels), draw,
                                          classes)
    if not targets.is_floating_point():
        targets = torch.nn.functional.one_hot(targets, classes).float()
    return (pictures.clamp(0, 1) * 255).round().to(torch.uint8).numpy(), targets.numpy()
