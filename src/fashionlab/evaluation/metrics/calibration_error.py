"""Calibration errors: how far the probabilities are from how often they come true, over bins of probability."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fashionlab.common.records import Predictions
from fashionlab.evaluation.metrics.likelihood import one_hot
from fashionlab.evaluation.metrics.record import Combine, Form, Metric, scattered, total

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ECE_BINS = 15


def expected_calibration_error(predictions: Predictions, bins: int = ECE_BINS) -> float:
    """The mean distance of confidence (the highest probability) and accuracy over equal-width bins of confidence,
    weighted by their pictures (Naeini 2015, Guo 2017). Bins are open on the left: (0, 1/15], (1/15, 2/15], ..."""
    return _ece(predictions, equal_width_bins(predictions.probabilities.max(axis=1), bins))


def equal_mass_calibration_error(predictions: Predictions, bins: int = ECE_BINS) -> float:
    """ECE over bins of confidence that hold equally many pictures (adaptive binning)."""
    return _ece(predictions, equal_mass_bins(predictions.probabilities.max(axis=1), bins))


def classwise_calibration_error(predictions: Predictions, bins: int = ECE_BINS) -> float:
    """The mean over classes of the equal-width ECE of that class's probability (static calibration error): it asks of
    every probability, not of the highest alone, that it comes true as often as it says."""
    gaps = predictions.probabilities - one_hot(predictions)
    which = equal_width_bins(predictions.probabilities, bins) + np.arange(gaps.shape[1]) * bins
    return float(np.abs(np.bincount(which.ravel(), weights=gaps.ravel())).sum() / gaps.size)


def _ece(predictions: Predictions, which: np.ndarray) -> float:
    gaps = np.bincount(which, weights=confidence_gaps(predictions))
    return float(np.abs(gaps).sum() / len(which))


def confidence_gaps(predictions: Predictions) -> np.ndarray:
    """Confidence minus 1 where right, minus 0 where wrong, float64 [N]: its mean in a bin is the bin's gap."""
    return predictions.probabilities.max(axis=1) - (predictions.predicted == predictions.labels)


def equal_width_bins(shares: np.ndarray, bins: int = ECE_BINS) -> np.ndarray:
    """The bin of each share of any shape: 0 for [0, 1/bins], 1 for (1/bins, 2/bins], ..."""
    return np.clip(np.ceil(shares * bins).astype(np.int64) - 1, 0, bins - 1)


def equal_mass_bins(shares: np.ndarray, bins: int = ECE_BINS) -> np.ndarray:
    """The bin of each share [N] when the sorted shares are cut into `bins` equal parts (one apart when N does not
    divide; equal shares in order of their place)."""
    rank = np.empty(len(shares), dtype=np.int64)
    rank[np.argsort(shares, kind="stable")] = np.arange(len(shares))
    return rank * bins // len(shares)


def _binned(which: Callable[[np.ndarray], np.ndarray]) -> Form:
    """A column a bin, with the gaps of the pictures in it. Bins stay where the pictures at hand put them."""

    def form(predictions: Predictions) -> tuple[csr_array, Combine, bool]:
        bins = which(predictions.probabilities.max(axis=1))
        return scattered(bins, confidence_gaps(predictions), ECE_BINS), total, True

    return form


def _classwise(predictions: Predictions) -> tuple[csr_array, Combine, bool]:
    gaps = predictions.probabilities - one_hot(predictions)
    classes = gaps.shape[1]
    which = equal_width_bins(predictions.probabilities) + np.arange(classes) * ECE_BINS
    return scattered(which, gaps, classes * ECE_BINS), lambda means: total(means) / classes, True


METRICS = (
    Metric("ece", "expected calibration error", "Naeini 2015, Guo 2017", expected_calibration_error,
           higher_is_better=False, form=_binned(equal_width_bins), headlines={"test": "ece"},
           tables={"summary": f"ECE, {ECE_BINS} bins", "calibration": "ECE, equal width", "comparison": "ECE"}),
    Metric("ece_equal_mass", "equal-mass calibration error", "Nixon 2019", equal_mass_calibration_error,
           higher_is_better=False, form=_binned(equal_mass_bins), tables={"calibration": "ECE, equal mass"}),
    Metric("ece_classwise", "class-wise calibration error", "Nixon 2019, Kull 2019", classwise_calibration_error,
           higher_is_better=False, form=_classwise, tables={"calibration": "ECE, class-wise"}),
)
