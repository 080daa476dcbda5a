"""How well each class is ranked before all others: one-vs-rest ROC and precision-recall curves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fashionlab.report import style
from fashionlab.report.figures.base import figure, needs_predictions, note
from fashionlab.report.inputs import ReportInputs
from fashionlab.report.names import short_names
from fashionlab.report.style import Sheet

MOST_NAMED = 10  # with more classes the worst are named and the others drawn in grey


@dataclass(frozen=True)
class Curve:
    """One class against the rest: `x` and `y` shares [M], and the area under the curve."""

    label: int
    x: np.ndarray
    y: np.ndarray
    area: float


def roc_curves(inputs: ReportInputs) -> list[Curve]:
    """False against true positive rate and ROC AUC of every class that has pictures and leaves pictures to others."""
    from sklearn.metrics import roc_auc_score, roc_curve

    def curve(truth: np.ndarray, score: np.ndarray, label: int) -> Curve:
        false, true, _ = roc_curve(truth, score)
        return Curve(label, false, true, float(roc_auc_score(truth, score)))

    return _each_class(inputs, curve)


def precision_recall_curves(inputs: ReportInputs) -> list[Curve]:
    """Recall against precision and average precision of every class that has pictures and leaves pictures to others."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    def curve(truth: np.ndarray, score: np.ndarray, label: int) -> Curve:
        precision, recall, _ = precision_recall_curve(truth, score, drop_intermediate=True)
        return Curve(label, recall, precision, float(average_precision_score(truth, score)))

    return _each_class(inputs, curve)


def _each_class(inputs: ReportInputs, curve: Callable[[np.ndarray, np.ndarray, int], Curve]) -> list[Curve]:
    predictions = inputs.predictions
    counts = np.bincount(predictions.labels, minlength=len(predictions.classes))
    return [curve(predictions.labels == label, predictions.probabilities[:, label], label)
            for label, count in enumerate(counts) if 0 < count < len(predictions.labels)]


def needs_two_classes(inputs: ReportInputs) -> str | None:
    if len(np.unique(inputs.predictions.labels)) < 2:
        return f"the {inputs.part} split holds pictures of a single class"
    return None


def _caption(curves: list[Curve], inputs: ReportInputs, quantity: str) -> str:
    worst, best = min(curves, key=lambda curve: curve.area), max(curves, key=lambda curve: curve.area)
    mean = float(np.mean([curve.area for curve in curves]))
    return (f"{quantity} of each class against the rest: mean over classes {mean:.4f}, from {worst.area:.4f} "
            f"({inputs.classes[worst.label]}) to {best.area:.4f} ({inputs.classes[best.label]}). "
            "Right: the part where the classes differ, enlarged.")


@figure("roc", "ROC curves, one class against the rest", "results", 40,
        lambda inputs: _caption(roc_curves(inputs), inputs, "Area under the ROC curve"),
        (needs_predictions, needs_two_classes))
def draw_roc(inputs: ReportInputs) -> Sheet:
    curves = roc_curves(inputs)
    reach = max(float(curve.x[np.searchsorted(curve.y, 0.98)]) for curve in curves)
    reach = min(1.0, max(0.02, 1.1 * reach))
    lowest = min(float(np.interp(0.01 * reach, curve.x, curve.y)) for curve in curves)
    window = 0.0, reach, min(0.98, max(0.0, np.floor(20 * lowest) / 20)), 1.0
    return _draw(inputs, curves, "ROC curves, one class against the rest", "AUC", window,
                 ("false positives, % of the pictures of other classes", "true positives, % of the class"))


@figure("precision_recall", "Precision-recall curves", "results", 41,
        lambda inputs: _caption(precision_recall_curves(inputs), inputs, "Average precision"),
        (needs_predictions, needs_two_classes))
def draw_precision_recall(inputs: ReportInputs) -> Sheet:
    curves = precision_recall_curves(inputs)
    # sklearn orders by falling recall; the window shows where the worst class still has 95 % and more.
    start = min(float(curve.x[curve.y >= 0.95].max(initial=0.0)) for curve in curves)
    start = min(0.98, max(0.0, np.floor(20 * (start - 0.02)) / 20))
    lowest = min(float(curve.y[curve.x >= 0.97].max(initial=0.0)) for curve in curves)
    window = start, 1.0, min(0.98, max(0.0, np.floor(20 * (lowest - 0.02)) / 20)), 1.0
    return _draw(inputs, curves, "Precision-recall curves, one class against the rest", "AP", window,
                 ("recall, % of the class", "precision, % of those called so"))


def _draw(inputs: ReportInputs, curves: list[Curve], title: str, unit: str, window: tuple[float, float, float, float],
          labels: tuple[str, str]) -> Sheet:
    sheet = style.sheet(11, 4.6, title, note(inputs))
    panels = sheet.subplots(1, 2)
    ranked = sorted(curves, key=lambda curve: curve.area)
    named = {curve.label for curve in ranked[:MOST_NAMED]}
    for axes in panels:
        for curve in ranked[::-1]:
            line = style.class_style(curve.label) if curve.label in named else {"color": style.GRID}
            text = f"{curve.area:.4f}  {short_names(inputs.classes, 18)[curve.label]}"
            axes.plot(100 * curve.x, 100 * curve.y, label=text if curve.label in named else None,
                      linewidth=1.6 if curve.label in named else 0.8, zorder=2 if curve.label in named else 1, **line)
        axes.set_xlabel(labels[0])
    panels[0].set_ylabel(labels[1])
    panels[0].set(xlim=(-1, 101), ylim=(-1, 101), title="everything")
    left, right, low, high = (100 * value for value in window)
    panels[1].set(xlim=(left, right), ylim=(low, high + 0.01 * (high - low)), title="enlarged")
    heading = f"{unit}, worst last" if len(curves) <= MOST_NAMED else f"{unit}, the {MOST_NAMED} worst of {len(curves)}"
    panels[1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5), title=heading, alignment="left", handlelength=3)
    return sheet
