"""What a classifier says of one picture, as programs and people get it. Numpy alone."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from fashionlab.deploy.rules import Answers


class ClassProbability(NamedTuple):
    """A class and how probable it is, 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """The answer to one picture.

    label: the most probable class, and its calibrated probability. top: the most probable classes, the first one first.
    set: the classes that together hold the true one as often as was promised in training; may be empty. outlier: the
    picture is unlike the training pictures, its outlier_score above the threshold. file: where it came from; None for
    an array or a PIL picture. index: its place, from 0, in a file of many pictures or, without one, in what was asked.
    picture: what the network saw, uint8 [C, H, W]. remark: what has to be known of it, such as that it shows two
    things; mostly empty.
    """

    label: str
    probability: float
    top: tuple[ClassProbability, ...]
    set: tuple[str, ...]
    outlier: bool
    outlier_score: float
    file: str | None
    index: int
    picture: np.ndarray = field(repr=False, compare=False)
    remark: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the picture."""
        return {"file": self.file, "index": self.index, "label": self.label, "probability": self.probability,
                "top": [one._asdict() for one in self.top], "set": list(self.set), "outlier": self.outlier,
                "outlier_score": self.outlier_score, **({"remark": self.remark} if self.remark else {})}

    def _repr_html_(self) -> str:
        """The picture with the answer beside it, for notebooks."""
        others = ", ".join(f"{html.escape(one.label)} {one.probability:.1%}" for one in self.top[1:])
        warning = "<br>unlike the training pictures" if self.outlier else ""
        name = "" if self.file is None else f"<br><small>{html.escape(self.file)}</small>"
        return (f'<div style="display:flex;gap:1em;align-items:center"><img alt="what the network saw" '
                f'src="{_data_uri(self.picture)}" style="width:96px;image-rendering:pixelated">'
                f"<div><b>{html.escape(self.label)}</b> {self.probability:.1%}<br>{others}{warning}{name}</div></div>")


def _data_uri(picture: np.ndarray) -> str:
    from PIL import Image  # notebooks alone need it here

    stream = io.BytesIO()
    pixels = picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def answer_of(classes: Sequence[str], answers: Answers, row: int, top: int) -> dict[str, Any]:
    """What `answers` says of the picture in `row`, plain values from "label" on as `Prediction.as_dict` has them.

    Apart from Prediction because a service writes JSON thousands of times a second.
    """
    probabilities = answers.probabilities[row]
    likely = [{"label": classes[one], "probability": float(probabilities[one])}
              for one in np.argsort(-probabilities, kind="stable")[:top].tolist()]
    return {**likely[0], "top": likely, "set": [classes[one] for one in np.flatnonzero(answers.sets[row]).tolist()],
            "outlier": bool(answers.outlier[row]), "outlier_score": float(answers.outlier_score[row])}
