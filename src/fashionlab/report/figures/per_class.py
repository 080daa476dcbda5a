"""Precision, recall and F1 of every class."""

from __future__ import annotations

import numpy as np

from fashionlab.evaluation.metrics import per_class
from fashionlab.report import style
from fashionlab.report.figures.base import figure, needs_predictions, note
from fashionlab.report.inputs import ReportInputs
from fashionlab.report.names import short_names
from fashionlab.report.style import Sheet

_SCORES = (("precision", style.BLUE, "//"), ("recall", style.ORANGE, ""), ("f1", style.BLACK, ""))
_HEIGHT = 0.27


def _caption(inputs: ReportInputs) -> str:
    rows = [row for row in per_class(inputs.predictions) if row["support"]]
    best, worst = max(rows, key=lambda row: row["f1"]), min(rows, key=lambda row: row["f1"])
    return (f"Precision, recall and F1 of each class on the {inputs.part} split. F1 is lowest for {worst['class']} "
            f"({worst['f1']:.4f}) and highest for {best['class']} ({best['f1']:.4f}).")


@figure("per_class", "Precision, recall and F1 by class", "results", 30, _caption, (needs_predictions,))
def draw(inputs: ReportInputs) -> Sheet:
    rows = per_class(inputs.predictions)
    height = max(3.0, 0.52 * len(rows) + 1.5)
    sheet = style.sheet(8, height, "Precision, recall and F1 by class, %", note(inputs))
    axes = sheet.add_subplot()
    centres = np.arange(len(rows), dtype=float)
    for shift, (score, colour, hatch) in enumerate(_SCORES):
        values = [100 * row[score] for row in rows]
        at = centres + (shift - 1) * _HEIGHT
        axes.barh(at, values, _HEIGHT * 0.92, color=colour, hatch=hatch, edgecolor="white", linewidth=0.5,
                  label="F1" if score == "f1" else score)
        for y, value in zip(at, values, strict=True):
            axes.text(value, y, f" {value:.1f}", va="center", fontsize=7.5)
    short = short_names([row["class"] for row in rows], 18)
    names = [f"{name}\nn = {row['support']:,}" for name, row in zip(short, rows, strict=True)]
    axes.set_yticks(centres, names, fontsize=8.5)
    axes.invert_yaxis()
    # Bars start where the weakest class still shows; the axis says so.
    lowest = min(100 * row[score] for row in rows for score, *_ in _SCORES)
    start = max(0.0, 10 * np.floor(lowest / 10) - 10)
    axes.set_xlim(start, 100 + (100 - start) * 0.07)
    axes.set_xticks([tick for tick in axes.get_xticks() if start <= tick <= 100])
    axes.set_xlabel(f"% of pictures{f'; the axis starts at {start:.0f} %' if start else ''}")
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return sheet
