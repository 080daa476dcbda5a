"""What the first layer looks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from fashionlab.report import style
from fashionlab.report.figures.base import figure
from fashionlab.report.inputs import ReportInputs
from fashionlab.report.style import Sheet

MOST = 64


@dataclass(frozen=True)
class FirstLayer:
    """weights: float32 [F, C, h, w], what each unit multiplies a patch (or, `whole`, the whole picture) with."""

    name: str
    weights: np.ndarray
    whole: bool


def first_layer(inputs: ReportInputs) -> FirstLayer | None:
    """The first layer with weights, if they can be shown as pictures: a convolution of the picture's channels, or a
    linear layer of its pixels. None for any other."""
    spec = inputs.results.spec
    for name, module in inputs.model.named_modules():
        weight = getattr(module, "weight", None)
        if not isinstance(weight, nn.Parameter) or weight.ndim < 2:
            continue
        values = weight.detach().float().cpu().numpy()
        if values.ndim == 4 and values.shape[1] == spec.channels and values.shape[2] > 1:
            return FirstLayer(name, values, whole=False)
        if values.ndim == 2 and values.shape[1] == spec.channels * spec.image_size**2:
            shape = len(values), spec.channels, spec.image_size, spec.image_size
            return FirstLayer(name, values.reshape(shape), whole=True)
        return None
    return None


def needs_first_layer(inputs: ReportInputs) -> str | None:
    return None if first_layer(inputs) else "the first layer's weights do not have the form of pictures"


def _shown_layer(inputs: ReportInputs) -> FirstLayer:
    layer = first_layer(inputs)
    assert layer is not None  # needs_first_layer
    return layer


def _caption(inputs: ReportInputs) -> str:
    layer = _shown_layer(inputs)
    count, _, height, width = layer.weights.shape
    shown = f"{min(count, MOST)} of {count}" if count > MOST else f"all {count}"
    kind = "units, each a template of the whole picture" if layer.whole else f"filters of {height} x {width} pixels"
    return (f"The weights of the first layer ({layer.name!r}), {shown} {kind}. A unit answers most to a picture that "
            "is bright where its weights are positive and dark where they are negative.")


@figure("first_layer", "First-layer filters", "network", 10, _caption, (needs_first_layer,))
def draw(inputs: ReportInputs) -> Sheet:
    layer = _shown_layer(inputs)
    weights = layer.weights[:MOST]
    columns = min(16 if len(weights) > 16 else 8, len(weights))
    rows, side, gap = -(-len(weights) // columns), 0.56 if columns > 8 else 0.9, 0.1  # inches
    fitted = inputs.results.environment["data"]["train"]
    limit = float(np.abs(weights).max()) or 1.0
    scale = f", grey 0, brightest {limit:.3g}" if layer.weights.shape[1] > 1 else ""
    note = (f"layer {layer.name!r}: weights{scale} after training on the training split, n = {fitted:,} pictures "
            f"· run {inputs.results.name}")
    sheet = style.sheet(max(6.5, columns * (side + gap) + 1.2), rows * (side + gap) + 1.1,
                        f"First layer: {_units(layer)}", note)
    axes = sheet.add_subplot()
    for number, unit in enumerate(weights):
        x, y = number % columns * (side + gap), number // columns * (side + gap)
        extent = x, x + side, y + side, y
        if len(unit) == 1:
            image = axes.imshow(unit[0], extent=extent, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="none")
        else:
            image = axes.imshow(0.5 + unit.transpose(1, 2, 0) / (2 * limit), extent=extent, interpolation="none")
    axes.set(xlim=(0, columns * (side + gap)), ylim=(rows * (side + gap), 0), aspect="equal")
    axes.set_axis_off()
    if len(weights[0]) == 1:
        sheet.colorbar(image, ax=axes, shrink=0.9, label="weight").ax.grid(False)  # type: ignore[possibly-undefined]
    return sheet


def _units(layer: FirstLayer) -> str:
    count, _, height, width = layer.weights.shape
    some = f"{MOST} of {count}" if count > MOST else str(count)
    return f"{some} {'templates' if layer.whole else 'filters'} of {height} x {width}"
