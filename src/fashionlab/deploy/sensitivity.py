"""Which layers of a network lose most in 8-bit integers, and how many have to stay in float32.

Post-training mixed precision by the sensitivity of single layers (Nagel et al. 2021, arXiv:2106.08295, section 4.6):
depthwise convolutions with few weights a channel are its usual finding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fashionlab.common.progress import note, progress
from fashionlab.common.records import PictureSet
from fashionlab.deploy.quantize import Quantizer
from fashionlab.deploy.session import Session

_PICTURES = 64  # on which layers are compared
_MOST_KEPT = 0.5  # of the layers: with more, int8 is hardly smaller or faster


@dataclass(frozen=True)
class LayerLoss:
    """What rounding one layer alone does. layer: its name; kind: what it is; error: the mean squared difference of
    logits, as a share of their variance."""

    layer: str
    kind: str
    error: float


def layer_losses(quantizer: Quantizer, pictures: np.ndarray) -> list[LayerLoss]:
    """Every layer of `quantizer`, the one that loses most first, on pictures uint8 [N, C, H, W]."""
    truth = Session(quantizer.float32).ask(pictures)[0]
    losses = []
    with progress("int8: layer by layer", len(quantizer.layers)) as advance:
        for layer, kind in quantizer.layers.items():
            others = [other for other in quantizer.layers if other != layer]
            logits = Session(quantizer.quantized(others)).ask(pictures)[0]
            losses.append(LayerLoss(layer, kind, float(((logits - truth) ** 2).mean() / max(truth.var(), 1e-12))))
            advance(1)
    return sorted(losses, key=lambda one: -one.error)


def layers_to_keep(quantizer: Quantizer, validation: PictureSet, points: float) -> list[str]:
    """The fewest of 0, 1, 2, 4, ... layers, those that lose most, with which int8 costs at most `points` of accuracy on
    the validation pictures; where no number up to half of them does, the one that costs least."""
    wanted = accuracy(quantizer.float32, validation) - points / 100 - 1e-9
    reached = accuracy(quantizer.quantized(), validation)
    if reached >= wanted or not quantizer.layers:
        return []
    note(f"export: int8 loses {100 * (wanted - reached) + points:.2f} points on validation pictures; looking for the "
         "layers that lose most")
    order = [one.layer for one in layer_losses(quantizer, validation.images[:_PICTURES])]
    best: list[str] = []
    number = 1
    while number <= max(1, _MOST_KEPT * len(order)):
        kept = order[:number]
        got = accuracy(quantizer.quantized(kept), validation)
        if got > reached:
            best, reached = kept, got
        if reached >= wanted:
            break
        number *= 2
    return best


def accuracy(graph: bytes, pictures: PictureSet) -> float:
    """The share of `pictures` that an ONNX graph gets right."""
    return float((Session(graph).ask(pictures.images)[0].argmax(axis=1) == pictures.labels).mean())
