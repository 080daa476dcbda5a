"""Figures made of pictures: samples, the most confident mistakes, the most confused pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fashionlab.evaluation.mistakes import confidence, confident_mistakes, confused_pairs
from fashionlab.report import style
from fashionlab.report.figures.base import figure, needs_predictions, note
from fashionlab.report.inputs import ReportInputs
from fashionlab.report.names import short_names
from fashionlab.report.sample_predictions import choose
from fashionlab.report.style import Sheet

MISTAKES, PAIRS, OF_A_PAIR = 28, 5, 7
_TILE = 112  # pixels; four times a Fashion-MNIST picture


@dataclass(frozen=True)
class Cell:
    """A picture (uint8 [C, H, W]) with lines of text under it."""

    picture: np.ndarray
    lines: tuple[str, ...] = ()
    colour: str = style.INK


def mosaic(title: str, note: str, rows: Sequence[Sequence[Cell]], row_labels: Sequence[str] = (),
           label_width: float = 0.0, text_lines: int = 2) -> Sheet:
    """Rows of pictures with text under each and, in `label_width` inches at the left, a label before each row.

    A single axes measured in inches holds everything: an axes for each picture takes far longer to draw.
    """
    side, gap, text = 1.02, 0.14, 0.14 * text_lines + 0.13
    width = max(label_width + max(len(row) for row in rows) * (side + gap) + 0.3, 0.115 * len(title) + 0.3)
    height = 0.5 + len(rows) * (side + text) + 0.24
    sheet = style.sheet(width, height, title, note, layout=None)
    axes = sheet.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for row, cells in enumerate(rows):
        y = 0.5 + row * (side + text)
        if row_labels:
            axes.text(0.15, y + side / 2, row_labels[row], va="center", fontsize=9)
        for column, cell in enumerate(cells):
            x = label_width + 0.2 + column * (side + gap)
            axes.imshow(style.tile(cell.picture, _TILE), extent=(x, x + side, y + side, y), interpolation="none")
            for number, line in enumerate(cell.lines):  # one by one: letters' heights must not move the lines
                axes.text(x + side / 2, y + side + 0.15 + 0.14 * number, line, ha="center", va="baseline", fontsize=7.5,
                          color=cell.colour)
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")
    return sheet


def _judged(inputs: ReportInputs, position: int) -> Cell:
    """A judged picture with its prediction; right and wrong differ in a sign and in words, not in colour alone."""
    predictions = inputs.predictions
    true, predicted = int(predictions.labels[position]), int(predictions.predicted[position])
    sure = style.percent(float(confidence(predictions)[position]))
    name = short_names(inputs.classes, 15)[predicted]
    picture = inputs.pictures.images[position]
    if true == predicted:
        return Cell(picture, (f"✓ {name}", sure), style.RIGHT)
    return Cell(picture, (f"✗ {name}", sure, f"is {short_names(inputs.classes, 15)[true]}"), style.WRONG)


def _rows(cells: list[Cell], columns: int) -> list[list[Cell]]:
    return [cells[start : start + columns] for start in range(0, len(cells), columns)]


def _caption_of_samples(inputs: ReportInputs) -> str:
    chosen = choose(inputs.predictions)
    wrong = int((inputs.predictions.predicted != inputs.predictions.labels)[chosen].sum())
    same = ", the same as in sample_predictions.txt" if inputs.judged == "test" else ""
    return (f"{len(chosen)} {inputs.part} pictures with the predicted class and its probability, {wrong} of them "
            "wrong: drawn at random from the right and the wrong answers apart (so mistakes are more frequent here "
            f"than they are){same}.")


@figure("sample_predictions", "Sample predictions", "mistakes", 10, _caption_of_samples, (needs_predictions,))
def draw_samples(inputs: ReportInputs) -> Sheet:
    cells = [_judged(inputs, position) for position in choose(inputs.predictions)]
    return mosaic("Sample predictions: ✓ right, ✗ wrong", note(inputs), _rows(cells, 5), text_lines=3)


# Mistakes --------------------------------------------------------------------------------------------------------


def needs_mistakes(inputs: ReportInputs) -> str | None:
    predictions = inputs.predictions
    all_right = (predictions.predicted == predictions.labels).all()
    return f"no picture of the {inputs.part} split was judged wrong" if all_right else None


def _caption_of_mistakes(inputs: ReportInputs) -> str:
    predictions = inputs.predictions
    rows = confident_mistakes(predictions)
    first, shown = rows[0], min(MISTAKES, len(rows))
    true, predicted = inputs.classes[predictions.labels[first]], inputs.classes[predictions.predicted[first]]
    return (f"The {shown} most confident of {len(rows):,} mistakes among {len(predictions.labels):,} {inputs.part} "
            f"pictures, the surest first: {true} taken for {predicted} with "
            f"{style.percent(float(confidence(predictions)[first]))}.")


@figure("confident_mistakes", "The most confident mistakes", "mistakes", 20, _caption_of_mistakes,
        (needs_predictions, needs_mistakes))
def draw_mistakes(inputs: ReportInputs) -> Sheet:
    rows = confident_mistakes(inputs.predictions, MISTAKES)
    cells = [_judged(inputs, position) for position in rows.tolist()]
    return mosaic("The most confident mistakes: ✗ what was said, and what it is", note(inputs),
                  _rows(cells, 7), text_lines=3)


def _caption_of_pairs(inputs: ReportInputs) -> str:
    listed = (f"{inputs.classes[pair.true]} taken for {inputs.classes[pair.predicted]} ({pair.count:,} pictures, "
              f"{style.percent(pair.share)})" for pair in confused_pairs(inputs.predictions, PAIRS))
    return f"The classes most often taken for one another, with the surest of these mistakes: {'; '.join(listed)}."


@figure("confused_pairs", "The most confused pairs of classes", "mistakes", 30, _caption_of_pairs,
        (needs_predictions, needs_mistakes))
def draw_pairs(inputs: ReportInputs) -> Sheet:
    predictions = inputs.predictions
    rows, labels = [], []
    for pair in confused_pairs(predictions, PAIRS):
        rows.append([Cell(inputs.pictures.images[row], (style.percent(float(confidence(predictions)[row])),))
                     for row in pair.positions[:OF_A_PAIR].tolist()])
        support = int((predictions.labels == pair.true).sum())
        labels.append(f"{short_names(inputs.classes, 18)[pair.true]}\ntaken for\n"
                      f"{short_names(inputs.classes, 18)[pair.predicted]}\n{pair.count:,} of {support:,} "
                      f"({style.percent(pair.share)})")
    return mosaic("The most confused pairs, and how sure the network was", note(inputs), rows, labels,
                  label_width=1.6, text_lines=1)
