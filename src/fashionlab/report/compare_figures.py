"""The charts of a comparison. Narrow, so that they are read on a phone as they are and stand side by side elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from scipy.optimize import isotonic_regression

from fashionlab.evaluation.metrics.calibration_error import ECE_BINS, equal_width_bins
from fashionlab.report import style
from fashionlab.report.compare_facts import ALPHA, COSTS, Measure, measured, short_count
from fashionlab.report.names import short_names
from fashionlab.report.style import Sheet
from fashionlab.studies.comparison import Comparison, pareto_front

_WIDTH = 4.9  # inches
_PARETO = ("train_seconds", "weight_bytes", "latency_ms")


@dataclass(frozen=True)
class Chart:
    """A drawn chart with its title and what it shows in words."""

    title: str
    caption: str
    sheet: Sheet


def charts(comparison: Comparison) -> dict[str, list[Chart]]:
    """All charts by section of the page: scores, classes, calibration, cost."""
    with style.applied():
        return {
            "scores": [accuracy(comparison), behind(comparison)],
            "classes": [per_class(comparison)],
            "calibration": [calibration(comparison)],
            "cost": [*_pareto_charts(comparison), *(cost(comparison, measure) for measure in measured(comparison))],
        }


def accuracy(comparison: Comparison) -> Chart:
    """Test accuracy with Wilson's interval, a row a run."""
    sheet = style.sheet(_WIDTH, 1.5 + 0.42 * len(comparison.candidates), "Test accuracy", _note(comparison))
    axes = sheet.add_subplot()
    for row, candidate in enumerate(comparison.candidates):
        interval, marker = candidate.accuracy, style.class_marker(row)
        axes.plot([100 * interval.low, 100 * interval.high], [row, row], color=marker["color"])
        axes.plot(100 * interval.estimate, row, markersize=7, **marker)
        axes.text(100 * interval.estimate, row - 0.2, f"{interval.estimate:.2%}", ha="center", va="bottom", fontsize=9)
    _rows(axes, comparison)
    axes.margins(x=0.12)
    axes.set_xlabel("accuracy, %, with 95 % interval")
    best = max(comparison.candidates, key=lambda run: run.accuracy.estimate)
    return Chart("Accuracy", f"Share of the {comparison.n:,} test pictures that each run gets right, with Wilson's "
                 f"95 % interval. The highest is {best.label} with {best.accuracy.estimate:.2%}. Whether two runs "
                 "differ is told by the paired tests, not by whether their intervals overlap.", sheet)


def behind(comparison: Comparison) -> Chart:
    """The difference of every other run from the one with the highest accuracy, with its paired interval."""
    best_row = int(np.argmax([run.accuracy.estimate for run in comparison.candidates]))
    best = comparison.labels[best_row]
    height = 1.5 + 0.42 * len(comparison.candidates)
    sheet = style.sheet(_WIDTH, height, "Difference from the highest", _note(comparison))
    axes = sheet.add_subplot()
    axes.axvline(0, color=style.FAINT, linewidth=1)
    axes.text(0, best_row, " the highest", va="center", ha="right", fontsize=9, color=style.FAINT)
    for pair in comparison.pairs:
        if best not in (pair.first, pair.second):
            continue
        row = comparison.labels.index(pair.first if pair.second == best else pair.second)
        sign, interval, marker = -100 if pair.second == best else 100, pair.difference, style.class_marker(row)
        points = sign * interval.estimate
        axes.plot([sign * interval.low, sign * interval.high], [row, row], color=marker["color"])
        axes.plot(points, row, markersize=7, **marker,
                  markerfacecolor=marker["color"] if pair.p_holm < ALPHA else "white")
        axes.text(points, row - 0.2, f"{points:+.2f}", ha="center", va="bottom", fontsize=9)
    _rows(axes, comparison)
    axes.margins(x=0.12)
    axes.set_xlabel("points, with 95 % interval")
    return Chart("Difference", f"How far each run's accuracy is from that of {best}, the highest, with the paired "
                 "bootstrap interval (95 %). Filled: shown to differ (McNemar's exact test, Holm's correction over all "
                 "pairs, 5 %); hollow: undecided.", sheet)


def per_class(comparison: Comparison) -> Chart:
    """Accuracy on each class, a row a class, a marker a run, each run on a line of its own within the row."""
    classes, runs = comparison.answers.classes, len(comparison.candidates)
    pitch = 0.13 * runs + 0.14
    height = 1.3 + 0.2 * ((runs + 1) // 2) + pitch * len(classes)
    sheet = style.sheet(_WIDTH, height, "Accuracy by class", _note(comparison))
    axes = sheet.add_subplot()
    centres = np.arange(len(classes), dtype=float)
    for index, (candidate, name) in enumerate(zip(comparison.candidates, short_names(comparison.labels), strict=True)):
        shift = 0.13 * (index - (runs - 1) / 2) / pitch
        axes.plot([100 * score.accuracy for score in candidate.per_class], centres + shift, linestyle="none",
                  markersize=6, label=name, **style.class_marker(index))
    axes.set_yticks(centres, short_names(classes, 14))
    axes.set_ylim(len(classes) - 0.5, -0.5)
    for border in centres[:-1] + 0.5:
        axes.axhline(border, color=style.GRID, linewidth=0.6)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("accuracy on the class, %")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=8.5, handletextpad=0.2, columnspacing=1)
    spread = [np.ptp([run.per_class[i].accuracy for run in comparison.candidates]) for i in range(len(classes))]
    widest = int(np.argmax(spread))
    return Chart("Classes", "Share of each class's test pictures that each run gets right. The runs are furthest apart "
                 f"on {classes[widest]}: {100 * spread[widest]:.1f} points.", sheet)


def calibration(comparison: Comparison) -> Chart:
    """A reliability diagram a run, two side by side."""
    runs, answers = comparison.candidates, comparison.answers
    lines = (len(runs) + 1) // 2
    sheet = style.sheet(_WIDTH, 0.9 + 2.35 * lines, "Confidence and accuracy", _note(comparison))
    for index, (candidate, name) in enumerate(zip(runs, short_names(comparison.labels), strict=True)):
        axes = sheet.add_subplot(lines, 2, index + 1)
        confidence, share, weight = _reliability(answers.confidence[index], answers.right[index])
        marker = style.class_marker(index)
        axes.plot([0, 100], [0, 100], color=style.FAINT, linewidth=1, linestyle=(0, (3, 2)))
        axes.plot(100 * confidence, 100 * share, color=marker["color"], linewidth=1.2)
        axes.scatter(100 * confidence, 100 * share, s=6 + 110 * weight, zorder=3, clip_on=False, **marker)
        scaled = "" if candidate.ece_scaled is None else f" → {candidate.ece_scaled:.4f}"
        axes.set_title(f"{name}\nECE {candidate.scores['ece']:.4f}{scaled}", fontsize=9, loc="left")
        axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal")
        axes.set_xticks([0, 50, 100])
        axes.set_yticks([0, 50, 100])
    sheet.supylabel("accuracy, %", fontsize=10)
    for axes in sheet.axes[-2:]:
        axes.set_xlabel("confidence, %")
    best = min(runs, key=lambda run: run.scores["ece"])
    return Chart("Calibration", f"Accuracy against the answer's probability in {ECE_BINS} equal bins, before any "
                 "scaling; a larger marker stands for more pictures. On the dashed line a run is as often right as it "
                 "says; below it, it is too sure of itself. Above each: the calibration error (ECE) and, after an "
                 "arrow, what temperature scaling fitted on validation leaves of it. The smallest before scaling: "
                 f"{best.label}, {best.scores['ece']:.4f}.", sheet)


def _reliability(confidence: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean confidence, accuracy and share of the pictures of each bin that has any; bins as in `metrics.ece`."""
    bins = equal_width_bins(confidence)
    count = np.bincount(bins, minlength=ECE_BINS)
    some = count > 0
    mean, share = (np.bincount(bins, weights=values, minlength=ECE_BINS)[some] / count[some]
                   for values in (confidence, right))
    return mean, share, count[some] / len(right)


def cost(comparison: Comparison, measure: Measure) -> Chart:
    """Bars from zero, a row a run."""
    sheet = style.sheet(_WIDTH, 0.9 + 0.29 * len(comparison.candidates), measure.name, _note(comparison))
    axes = sheet.add_subplot()
    values = [measure.value(run) for run in comparison.candidates]
    largest = max(value for value in values if value is not None) or 1
    for row, value in enumerate(values):
        axes.barh(row, value or 0, 0.7, color=style.class_marker(row)["color"])
        text = measure.show(value) if value is not None else "not measured"
        axes.text((value or 0) + 0.015 * largest, row, text, va="center", fontsize=9)
    _rows(axes, comparison)
    axes.set_xlim(0, 1.3 * largest)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.grid(visible=False)
    return Chart(measure.name, f"{measure.name}: {measure.means}.", sheet)


def _pareto_charts(comparison: Comparison) -> list[Chart]:
    """Against time, file size and latency; against parameters where no two runs have a known file size."""
    chosen = [measure for measure in measured(comparison, at_least=2) if measure.key in _PARETO]
    if not any(measure.key == "weight_bytes" for measure in chosen):
        chosen += [measure for measure in COSTS if measure.key == "parameters"]
    return [pareto(comparison, measure) for measure in chosen]


def pareto(comparison: Comparison, measure: Measure) -> Chart:
    """Accuracy against a cost; the runs that no other beats in both are filled and joined."""
    known = [(index, candidate, value) for index, candidate in enumerate(comparison.candidates)
             if (value := measure.value(candidate)) is not None]
    values = np.array([measure.factor * value for *_, value in known])
    heights = np.array([100 * candidate.accuracy.estimate for _, candidate, _ in known])
    front = pareto_front(values, heights)
    sheet = style.sheet(_WIDTH, max(3.4, 1.4 + 0.26 * len(known)), f"Accuracy against {measure.name.lower()}",
                        _note(comparison))
    axes = sheet.add_subplot()
    order = np.flatnonzero(front)[np.argsort(values[front], kind="stable")]
    axes.plot(values[order], heights[order], color=style.FAINT, linewidth=1, drawstyle="steps-post")
    for (index, candidate, _), x, y, filled in zip(known, values, heights, front, strict=True):
        marker: dict[str, Any] = style.class_marker(index)
        axes.errorbar(x, y, [[y - 100 * candidate.accuracy.low], [100 * candidate.accuracy.high - y]], linewidth=1,
                      markersize=8, markerfacecolor=marker["color"] if filled else "white", **marker)
    axes.margins(x=0.08, y=0.1)
    _cost_axis(axes, values)
    names = short_names([candidate.label for _, candidate, _ in known])
    _labels_in_the_margin(axes, names, values, heights, front, 0.17 / (sheet.get_figheight() - 1.25))
    axes.set_xlabel(measure.axis)
    axes.set_ylabel("test accuracy, %")
    best = ", ".join(known[index][1].label for index in order)
    title = f"Accuracy against {measure.name.lower()}"
    return Chart(title, f"{title}, with 95 % intervals. Filled and joined: the Pareto front, runs that no other run "
                 f"beats ({best}). Hollow: another run is as good or better in both.", sheet)


def _cost_axis(axes: Axes, values: np.ndarray) -> None:
    """Logarithmic where the values span more than a factor of five, else from zero."""
    if values.min() > 0 and values.max() / values.min() > 5:
        axes.set_xscale("log")
        wide = values.max() / values.min() > 300
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0), numticks=12))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(0, 1.08 * values.max() or 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_count(value)))


def _labels_in_the_margin(axes: Axes, names: list[str], x: np.ndarray, y: np.ndarray, front: np.ndarray,
                          line: float) -> None:
    """Names right of the axes, each joined to its point by a thin line, spread so that none touches another.

    line: the height of a line of text as a share of the height of the axes.
    """
    low, high = axes.get_ylim()
    order = np.argsort(y, kind="stable")
    for index, at in zip(order, spread((y[order] - low) / (high - low), line), strict=True):
        axes.annotate(names[index], (x[index], y[index]), (1.06, at), textcoords="axes fraction", fontsize=9,
                      va="center", fontweight="bold" if front[index] else "normal", annotation_clip=False,
                      arrowprops={"arrowstyle": "-", "color": "#b0b0b0", "linewidth": 0.7, "shrinkA": 1, "shrinkB": 6,
                                  "relpos": (0, 0.5)})


def spread(wanted: np.ndarray, gap: float) -> np.ndarray:
    """Positions at least `gap` apart and within [0, 1], as near as possible to the sorted `wanted` (least squares).

    Without the steps the positions need only ascend, which is isotonic regression. Where they cannot all fit they are
    set evenly over [0, 1].
    """
    gap = min(gap, 1 / max(1, len(wanted) - 1))
    steps = gap * np.arange(len(wanted))
    return np.clip(isotonic_regression(wanted - steps).x, 0, 1 - steps[-1]) + steps


def _rows(axes: Axes, comparison: Comparison, fontsize: float = 9.5) -> None:
    labels = short_names(comparison.labels)
    axes.set_yticks(range(len(labels)), labels, fontsize=fontsize)
    axes.set_ylim(len(labels) - 0.4, -0.75)
    axes.grid(axis="y", visible=False)


def _note(comparison: Comparison) -> str:
    return f"test split, n = {comparison.n:,} pictures · {len(comparison.candidates)} runs"


