"""The pictures a run got wrong, for the gallery of its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fashionlab.common.records import PictureSet, Predictions
from fashionlab.evaluation.mistakes import confident_mistakes
from fashionlab.report.names import short_names
from fashionlab.report.picture_sheet import PictureSheet, picture_sheet

MOST = 1000  # pictures that a page carries


@dataclass(frozen=True)
class Mistakes:
    """total: how many there are; `items` are the most confident of them, as the macro `gallery` takes them, and `sheet`
    their pictures (None when there is no mistake)."""

    total: int
    items: list[dict[str, Any]]
    sheet: PictureSheet | None


def mistakes(predictions: Predictions, pictures: PictureSet, most: int = MOST) -> Mistakes:
    """The `most` mistakes with the highest probability of the wrong class, in that order.

    pictures: row for row those that `predictions` is about.
    """
    wrong = confident_mistakes(predictions)
    rows = wrong[:most]
    items = [_item(predictions, row, position) for position, row in enumerate(rows.tolist())]
    return Mistakes(len(wrong), items, picture_sheet(pictures.images[rows]) if items else None)


def _item(predictions: Predictions, row: int, position: int) -> dict[str, Any]:
    true, predicted = predictions.classes[predictions.labels[row]], predictions.classes[predictions.predicted[row]]
    short = short_names(predictions.classes, 26)
    given, to_truth = predictions.probabilities[row, [predictions.predicted[row], predictions.labels[row]]]
    index = int(predictions.indices[row])
    return {
        "at": position, "true": true, "predicted": predicted,
        "alt": f"{predictions.split} picture {index}, in truth {true}, predicted {predicted}",
        "lines": [f"{given:.1%} {short[predictions.predicted[row]]}",
                  f"truth: {to_truth:.1%} {short[predictions.labels[row]]}", f"picture {index}"],
    }
