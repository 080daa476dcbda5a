"""Whether the network is right as often as it says it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from fashionlab.common.records import Predictions
from fashionlab.evaluation.calibration import Temperature, calibrated, load_calibrators, reliability_bins
from fashionlab.evaluation.metrics.calibration_error import expected_calibration_error
from fashionlab.report import style
from fashionlab.report.figures.base import figure, needs_predictions, note
from fashionlab.report.inputs import ReportInputs
from fashionlab.report.style import Sheet


@dataclass(frozen=True)
class Version:
    """The predictions before or after scaling, with their calibration error."""

    title: str
    predictions: Predictions
    ece: float


def versions(inputs: ReportInputs) -> list[Version]:
    """As the network says, and divided by the temperature that `evaluate` fitted on validation pictures; the first
    alone where none was fitted."""
    predictions, fitted = inputs.predictions, inputs.results.folder.calibration
    shown = [Version("as the network says", predictions, expected_calibration_error(predictions))]
    if fitted.is_file() and inputs.judged == "test":  # on the pictures that it was fitted on it proves nothing
        scaling = load_calibrators(fitted)["temperature"]
        assert isinstance(scaling, Temperature)
        scaled = calibrated(predictions, scaling)
        shown.append(Version(f"after temperature scaling, T = {scaling.temperature:.3f}", scaled,
                             expected_calibration_error(scaled)))
    return shown


def _caption(inputs: ReportInputs) -> str:
    first, *rest = versions(inputs)
    mean = float(first.predictions.probabilities.max(axis=1).mean())
    right = float((first.predictions.predicted == first.predictions.labels).mean())
    more = "too sure" if mean > right else "not sure enough"
    after = (f" Temperature scaling, fitted on validation pictures, brings the error to {rest[0].ece:.4f}." if rest else
             " No temperature was fitted on validation pictures." if inputs.judged == "test" else "")
    return (f"Share of right answers by confidence, in bins of equal width. On average the network says "
            f"{style.percent(mean)} and is right in {style.percent(right)}: it is {more}; expected calibration error "
            f"(ECE) {first.ece:.4f}.{after} Below: how many pictures have which confidence.")


@figure("reliability", "Reliability diagram", "calibration", 10, _caption, (needs_predictions,))
def draw(inputs: ReportInputs) -> Sheet:
    columns = versions(inputs)
    held_out = inputs.results.environment["data"]["validation"]
    fitted = f" · temperature fitted on the validation split, n = {held_out:,}" if len(columns) > 1 else ""
    sheet = style.sheet(4.8 * len(columns) + 0.4, 5.4, "Reliability: is it right as often as it says?",
                        f"{note(inputs)}{fitted}")
    grid = sheet.subplots(2, len(columns), squeeze=False, sharex=True, sharey="row",
                          gridspec_kw={"height_ratios": [3, 1]})
    for column, version in enumerate(columns):
        _panel(grid[0, column], grid[1, column], version)
    grid[0, 0].set_ylabel("right answers, %")
    grid[1, 0].set_ylabel("pictures, %")
    return sheet


def _panel(top: Axes, bottom: Axes, version: Version) -> None:
    predictions = version.predictions
    bins = reliability_bins(predictions.probabilities, predictions.labels)
    width = 100 / len(bins.edges)
    left, there = 100 * bins.edges, bins.count > 0
    top.plot([0, 100], [0, 100], color=style.FAINT, linestyle=(0, (4, 2)), linewidth=1.1, label="as it should be")
    top.bar(left[there], 100 * bins.accuracy[there], width, align="edge", color=style.SKY, edgecolor="white",
            label="right answers")
    top.vlines(100 * bins.confidence[there], 100 * bins.accuracy[there], 100 * bins.confidence[there],
               color=style.VERMILLION, linewidth=2.4, label="gap to the mean confidence")
    top.set(title=f"{version.title}\nECE {version.ece:.4f}", xlim=(0, 100), ylim=(0, 103))
    top.legend(loc="upper left")
    shares = 100 * bins.count / max(1, len(predictions.labels))
    bottom.bar(left, shares, width, align="edge", color=style.FAINT, edgecolor="white")
    for x, share, count in zip(left, shares, bins.count, strict=True):
        if share >= 20:
            bottom.text(x + width / 2, share, f"{count:,}", ha="center", va="bottom", fontsize=7.5)
    bottom.set(xlabel="confidence (probability of the predicted class), %", ylim=(0, 1.25 * float(np.max(shares))))
