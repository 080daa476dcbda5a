"""What a metric is: one record that everything which shows, compares or resamples it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from fashionlab.common.records import Predictions, SplitName

if TYPE_CHECKING:
    from scipy.sparse import csr_array  # slow to import, and a record is read without any resampling

"""The splits that are scored, each with its name in a sentence."""
# Where metrics are shown under headings of their own: the scores of a report, its scores before and after calibration,
# the scores of several runs side by side, and the same in the dashboard.
Table = Literal["summary", "calibration", "comparison", "dashboard"]

Combine = Callable[[np.ndarray], np.ndarray]
# Columns [N, F], a row a picture; how the column means of R resamples, [F, R], make their R values; and whether that
# adds up absolute values: see `evaluation.intervals.Statistic`.
Form = Callable[[Predictions], tuple["csr_array", Combine, bool]]


@dataclass(frozen=True)
class Metric:
    """A number that a run is judged by.

    title: as it stands within a sentence. source: the paper or system it is taken from. score: its value on
    predictions; None for a cost, which training records. unit: of a difference ("points" are hundredths).
    is_share: shown as percent. form: how its bootstrap interval is made; None without one. headlines: the splits whose
    value stands at the top of metrics.json, with its name there. tables: the tables that show it, with its heading in
    each. is_time: runs side by side disturb it.
    """

    name: str
    title: str
    source: str
    score: Callable[[Predictions], float] | None = None
    higher_is_better: bool = True
    unit: str = "points"
    is_share: bool = False
    form: Form | None = None
    headlines: Mapping[SplitName, str] = field(default_factory=dict)
    tables: Mapping[Table, str] = field(default_factory=dict)
    is_time: bool = False

    @property
    def scale(self) -> float:
        """The value times this is in `unit`."""
        return 100.0 if self.unit == "points" else 1.0

    def __call__(self, predictions: Predictions) -> float:
        """The score. Raises TypeError for a cost, which no predictions show."""
        if self.score is None:
            raise TypeError(f"{self.name} is a cost: it is recorded in training, not computed from predictions")
        return float(self.score(predictions))

    def show(self, value: float) -> str:
        """A score as text: shares as percent with two decimals, all others with four."""
        return f"{value:.2%}" if self.is_share else f"{value:.4f}"


def scattered(where: np.ndarray, values: np.ndarray, columns: int) -> csr_array:
    """Sparse [N, columns] with picture i's `values[i]` in the columns `where[i]`; both are [N] or [N, M]."""
    from scipy.sparse import csr_array

    pictures, each = len(where), where.size // len(where)
    starts = np.arange(pictures + 1) * each
    return csr_array((values.ravel().astype(np.float64), where.ravel(), starts), shape=(pictures, columns))


def mean_of(values_of: Callable[[Predictions], np.ndarray]) -> Form:
    """The form of a metric that is the mean over pictures of `values_of` [N]."""

    def form(predictions: Predictions) -> tuple[csr_array, Combine, bool]:
        values = values_of(predictions)
        return scattered(np.zeros(len(values), dtype=np.int64), values, 1), lambda means: means[0], False

    return form


def total(means: np.ndarray) -> np.ndarray:
    """The sum of absolute column means, [F, R] to [R]."""
    return np.abs(means).sum(axis=0)
