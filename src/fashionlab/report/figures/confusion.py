"""Which class is taken for which."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.ticker import MaxNLocator

from fashionlab.report import style
from fashionlab.report.figures.base import figure, needs_predictions, note
from fashionlab.report.inputs import ReportInputs
from fashionlab.report.names import short_names
from fashionlab.report.style import Sheet

MOST_WRITTEN = 20  # with more classes the numbers would be too small to read, and colour alone is left


def counts(inputs: ReportInputs) -> np.ndarray:
    """int64 [K, K]: pictures of class i that were called j."""
    from fashionlab.evaluation.metrics import confusion

    return np.array(confusion(inputs.predictions))


def _shares(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)


def _counts_caption(inputs: ReportInputs) -> str:
    matrix = counts(inputs)
    right, n = int(np.trace(matrix)), int(matrix.sum())
    off = matrix - np.diag(np.diag(matrix))
    worst = ""
    if off.any():
        true, predicted = np.unravel_index(off.argmax(), off.shape)
        worst = (f" Most often {inputs.classes[true]} is taken for {inputs.classes[predicted]}: "
                 f"{off[true, predicted]:,} pictures.")
    return (f"Pictures of each true class (row) by the class predicted (column): {right:,} of {n:,} stand on the "
            f"diagonal, where both agree.{worst}")


def _shares_caption(inputs: ReportInputs) -> str:
    recall = np.diag(_shares(counts(inputs)))
    best, worst = int(recall.argmax()), int(recall.argmin())
    return (f"The same as shares of each true class; the diagonal is the recall, from "
            f"{style.percent(recall[worst])} ({inputs.classes[worst]}) to {style.percent(recall[best])} "
            f"({inputs.classes[best]}).")


@figure("confusion_counts", "Confusion matrix: counts", "results", 10, _counts_caption, (needs_predictions,))
def draw_counts(inputs: ReportInputs) -> Sheet:
    matrix = counts(inputs)
    return _draw(inputs, matrix, "Confusion matrix, pictures", "pictures", [[f"{v:,}" if v else "·" for v in row]
                                                                            for row in matrix])


@figure("confusion_shares", "Confusion matrix: shares of each true class", "results", 11, _shares_caption,
        (needs_predictions,))
def draw_shares(inputs: ReportInputs) -> Sheet:
    shares = 100 * _shares(counts(inputs))
    return _draw(inputs, shares, "Confusion matrix, % of each true class", "% of the true class",
                 [[f"{v:.1f}" if v else "·" for v in row] for row in shares])


def _draw(inputs: ReportInputs, values: np.ndarray, title: str, unit: str, texts: list[list[str]]) -> Sheet:
    classes = len(inputs.classes)
    cells = min(12.0, max(2.2, 0.56 * classes))  # inches
    names = short_names(inputs.classes, 22)
    margin = 0.082 * max(len(name) for name in names)
    sheet = style.sheet(max(5.2, cells + margin + 1.9), cells + 0.7 * margin + 1.6, title, note(inputs))
    axes = sheet.add_subplot()
    # A square-root-like scale: mistakes are few beside the diagonal and would otherwise all look like zero.
    norm = PowerNorm(0.4, vmin=0, vmax=max(float(values.max()), 1e-9))
    image = axes.imshow(values, cmap="Blues", norm=norm, aspect="equal")
    _label(axes, names)
    if classes <= MOST_WRITTEN:
        for row, line in enumerate(texts):
            for column, text in enumerate(line):
                dark = norm(values[row, column]) > 0.55
                axes.text(column, row, text, ha="center", va="center", fontsize=8.5 if classes <= 12 else 6.5,
                          color="white" if dark else style.INK, fontweight="bold" if row == column else "normal")
    bar = sheet.colorbar(image, ax=axes, shrink=0.75, label=f"{unit} (colours: power 0.4)")
    bar.locator = MaxNLocator(5, integer=True)
    bar.ax.grid(False)
    bar.outline.set_visible(False)  # type: ignore[operator]
    return sheet


def _label(axes: Axes, names: list[str]) -> None:
    size = 9 if len(names) <= MOST_WRITTEN else max(4.0, 9 * MOST_WRITTEN / len(names))
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=size)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
