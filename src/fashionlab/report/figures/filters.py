"""What the first layer looks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure as Sheet
from torch import nn

from fashionlab.report import style
from fashionlab.report.figures.base import figure
from fashionlab.report.inputs import ReportInputs

MOST, COLUMNS = 64, 16


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


def _found(inputs: ReportInputs) -> FirstLayer:
    found = first_layer(inputs)
    assert found is not None  # needs_first_layer
    return found


def _caption(inputs: ReportInputs) -> str:
    layer = _found(inputs)
    count, _, height, width = layer.weights.shape
    shown = f"{min(count, MOST)} of {count}" if count > MOST else f"all {count}"
    kind = "units, each a template of the whole picture" if layer.whole else f"filters of {height} x {width} pixels"
    return (f"The weights of the first layer ({layer.name}), {shown} {kind}. A unit answers most to a picture that is "
            "bright where its weights are positive and dark where they are negative.")


@figure("first_layer", "First-layer filters", "network", 10, _caption, (needs_first_layer,))
def draw(inputs: ReportInputs) -> Sheet:
    layer = _found(inputs)
    weights = layer.weights[:MOST]
    count, channels, height, width = weights.shape
    columns = min(COLUMNS if count > 16 else 8, count)
    rows = -(-count // columns)
    side = 0.62 if columns > 8 else 1.1
    grey = channels == 1
    limit = float(np.abs(weights).max()) or 1.0
    note = (f"weights {'after' if inputs.results.recipe.epochs else ''} training on n = "
            f"{inputs.results.environment['data']['train']:,} pictures (training split) · run {inputs.results.name}")
    sheet = style.sheet(max(6.5, columns * side + 1.4), rows * side + 1.2, f"First layer: {_units(layer)}", note)
    axes = sheet.add_subplot()
    gap = max(1, round(0.12 * width))
    canvas = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, *(() if grey else (3,))), np.nan)
    for number, unit in enumerate(weights):
        top, left = number // columns * (height + gap), number % columns * (width + gap)
        tile = unit[0] if grey else 0.5 + unit.transpose(1, 2, 0) / (2 * limit)
        canvas[top : top + height, left : left + width] = tile
    if grey:
        image = axes.imshow(canvas, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="none")
        sheet.colorbar(image, ax=axes, shrink=0.8, label="weight").ax.grid(False)
    else:
        axes.imshow(np.nan_to_num(canvas, nan=1.0), interpolation="none")
    axes.set_axis_off()
    return sheet


def _units(layer: FirstLayer) -> str:
    count, channels, height, width = layer.weights.shape
    some = f"{MOST} of {count}" if count > MOST else str(count)
    kind = "templates" if layer.whole else "filters"
    colour = "" if channels == 1 else f", colours: weight / {np.abs(layer.weights[:MOST]).max():.3g}, grey is 0"
    return f"{some} {kind} of {height} x {width} ({layer.name}){colour}"
