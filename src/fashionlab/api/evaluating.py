"""What judging a run again gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fashionlab.common.records import SplitName
from fashionlab.runs.metrics import Metrics, Scores


@dataclass(frozen=True, repr=False)
class Evaluation:
    """split: which pictures were judged. metrics: all that metrics.json then holds. robustness, outliers: what
    robustness.json and outliers.json hold; None where it was not asked for."""

    split: SplitName
    metrics: Metrics
    robustness: dict[str, Any] | None = None
    outliers: dict[str, Any] | None = None

    @property
    def scores(self) -> Scores:
        """Of the judged pictures."""
        return self.metrics.val if self.split == "val" else self.metrics.test

    def __repr__(self) -> str:
        return f"Evaluation({self.split}, n = {self.scores.n:,}, accuracy {self.scores.accuracy:.2%})"

    def as_dict(self) -> dict[str, Any]:
        """The scores and what was measured beside them, fit for JSON."""
        beside = ("calibration", "conformal") if self.split == "test" else ()
        stored = self.metrics.as_json()
        more = {"robustness": self.robustness, "outliers": self.outliers}
        return {**self.scores.as_json(), **{key: stored[key] for key in beside if key in stored},
                **{key: value for key, value in more.items() if value is not None}}
