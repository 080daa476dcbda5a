"""How well the network tells what it knows from what it does not."""

from __future__ import annotations

from typing import Any

import numpy as np

from fashionlab.report import style
from fashionlab.report.figures.base import figure, needs_test_split
from fashionlab.report.inputs import ReportInputs
from fashionlab.report.names import shorten
from fashionlab.report.style import Sheet

_PANELS = (("auroc", "AUROC (higher is better)"), ("fpr95", "outliers let pass, % (lower is better)"))


def needs_outliers(inputs: ReportInputs) -> str | None:
    path = inputs.results.folder.path
    return None if (path / "outliers.json").is_file() else (
        f"it was not measured (`fashionlab evaluate {path} --outliers` does it)")


def _measured(inputs: ReportInputs) -> dict[str, Any]:
    return inputs.results.folder.read_json(inputs.results.folder.path / "outliers.json")


def _caption(inputs: ReportInputs) -> str:
    results = _measured(inputs)
    best, sets = results["best"], results["sets"]
    areas = {name: row["scores"][best]["auroc"]["estimate"] for name, row in sets.items()}
    hardest = min(areas, key=lambda name: areas[name])
    return (f"How well {len(results['choice'])} scores tell test pictures from {len(sets)} sets of outliers. The score "
            f"chosen on validation pictures is {best}: AUROC {np.mean(list(areas.values())):.4f} on average over the "
            f"sets, lowest for {hardest} with {areas[hardest]:.4f}. Right: outliers let pass where 95 % of the test "
            "pictures are. Bars are 95 % intervals.")


@figure("outliers", "Telling outliers from what it knows", "robustness", 20, _caption,
        (needs_test_split, needs_outliers))
def draw(inputs: ReportInputs) -> Sheet:
    results = _measured(inputs)
    sets = results["sets"]
    scores = list(results["choice"])
    sizes = sorted({row["n"] for row in sets.values()})
    each = " or ".join(f"{size:,}" for size in sizes)
    sheet = style.sheet(10, 0.55 * len(sets) + 2.0, "Outliers: how well each score tells them from test pictures",
                        f"test split, n = {results['n']:,} pictures; {each} outliers a set; 95 % intervals "
                        f"· run {inputs.results.name}")
    panels = sheet.subplots(1, 2, sharey=True)
    centres = np.arange(len(sets), dtype=float)
    for axes, (key, label) in zip(panels, _PANELS, strict=True):
        factor = 100 if key == "fpr95" else 1
        for number, score in enumerate(scores):
            estimate, low, high = (factor * np.array([row["scores"][score][key][part] for row in sets.values()])
                                   for part in ("estimate", "low", "high"))
            axes.errorbar(estimate, centres + 0.17 * (number - (len(scores) - 1) / 2), linestyle="none", markersize=5,
                          xerr=np.clip([estimate - low, high - estimate], 0, None), capsize=2, linewidth=1,
                          label=f"{score} (chosen)" if score == results["best"] else score,
                          **style.class_marker(number))
        axes.set_xlabel(label)
        axes.grid(axis="y", visible=False)
        for line in centres[:-1] + 0.5:
            axes.axhline(line, color=style.GRID, linewidth=0.6)
    panels[0].set_yticks(centres, [shorten(name, 24) for name in sets])
    panels[0].set_ylim(len(sets) - 0.5, -0.5)
    panels[1].set_xlim(-2, 102)
    panels[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(scores), borderaxespad=0.2)
    return sheet
