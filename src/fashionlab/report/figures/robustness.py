"""How accuracy holds up when the test pictures get worse."""

from __future__ import annotations

from typing import Any

import numpy as np

from fashionlab.report import style
from fashionlab.report.figures.base import figure, needs_test_split
from fashionlab.report.inputs import ReportInputs
from fashionlab.report.style import Sheet

COLUMNS = 5


def needs_robustness(inputs: ReportInputs) -> str | None:
    path = inputs.results.folder.path
    return None if (path / "robustness.json").is_file() else (
        f"it was not measured (`fashionlab evaluate {path} --robustness` does it)")


def _measured(inputs: ReportInputs) -> dict[str, Any]:
    return inputs.results.folder.read_json(inputs.results.folder.path / "robustness.json")


def _caption(inputs: ReportInputs) -> str:
    results = _measured(inputs)
    worst = min(results["corruptions"], key=lambda name: results["corruptions"][name]["accuracy"][-1]["estimate"])
    lowest = results["corruptions"][worst]["accuracy"][-1]["estimate"]
    return (f"Accuracy by severity of {len(results['corruptions'])} corruptions of the test pictures. It is "
            f"{style.percent(results['clean']['estimate'], 2)} on clean pictures and "
            f"{style.percent(results['mean_corruption_accuracy'], 2)} on average over corruptions and severities; at "
            f"the highest severity it suffers most from {worst}, {style.percent(lowest, 2)}. Bars are 95 % intervals.")


@figure("robustness", "Accuracy on corrupted pictures", "robustness", 10, _caption,
        (needs_test_split, needs_robustness))
def draw(inputs: ReportInputs) -> Sheet:
    results = _measured(inputs)
    clean, corruptions = 100 * results["clean"]["estimate"], results["corruptions"]
    rows = -(-len(corruptions) // COLUMNS)
    sheet = style.sheet(11, 2.35 * rows + 1.0, "Accuracy by severity of corruption, %",
                        f"test split, n = {results['n']:,} pictures a point, 95 % intervals; dashed: clean pictures "
                        f"{clean:.2f} % · run {inputs.results.name}")
    panels = sheet.subplots(rows, COLUMNS, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, (name, row) in zip(panels, corruptions.items(), strict=False):
        estimate, low, high = (100 * np.array([point[key] for point in row["accuracy"]])
                               for key in ("estimate", "low", "high"))
        severities = np.arange(1, len(estimate) + 1)
        axes.axhline(clean, color=style.FAINT, linestyle=(0, (4, 2)), linewidth=1)
        axes.errorbar(severities, estimate, yerr=np.clip([estimate - low, high - estimate], 0, None), color=style.BLUE,
                      marker="o", markersize=4, capsize=2, linewidth=1.4)
        axes.annotate(f"{estimate[-1]:.1f}", (severities[-1], estimate[-1]), xytext=(6, 0), va="center",
                      textcoords="offset points", fontsize=8)
        axes.set_title(name, fontsize=10)
        axes.set(xticks=severities, ylim=(0, 104), xlim=(0.6, len(estimate) + 1.2))
    for axes in panels[len(corruptions):]:
        axes.set_visible(False)
    for axes in panels[-COLUMNS:]:
        axes.set_xlabel("severity")
    for axes in panels[::COLUMNS]:
        axes.set_ylabel("accuracy, %")
    return sheet
