"""Calibration: probabilities that come true as often as they say, learned on validation pictures alone.

Each method is a frozen record with `fit(predictions)`, which learns it, and `apply(logits)`, which gives logits whose
softmax are the calibrated probabilities. A new method is one such class and its entry in METHODS.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from fashionlab.common.errors import DataError
from fashionlab.common.logits import softmax
from fashionlab.common.records import Interval, Predictions
from fashionlab.evaluation.intervals import bootstrap, statistics
from fashionlab.evaluation.metrics import headings
from fashionlab.evaluation.metrics.calibration_error import ECE_BINS, equal_width_bins
from fashionlab.evaluation.metrics.likelihood import one_hot, picture_nll

# What is reported before and after each method.
FIGURES = tuple(headings("calibration"))
# Pictures that are all right, or a class never seen, would drive a parameter to infinity.
_MOST = 20.0


class Calibrator(Protocol):
    """What the methods have in common."""

    @classmethod
    def fit(cls, predictions: Predictions) -> Self: ...

    def apply(self, logits: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Temperature:
    """One temperature that divides all logits; accuracy cannot change (Guo 2017). Above 1: the model was too sure."""

    temperature: float

    @classmethod
    def fit(cls, predictions: Predictions) -> Self:
        """The temperature from 1/20 to 20 with the smallest NLL. 1 where all pictures are right, as few are by chance:
        they would have the network as sure as can be, and say nothing of how sure is too sure."""
        if (predictions.predicted == predictions.labels).all():
            return cls(1.0)
        optimum: Any = minimize_scalar(
            lambda log: picture_nll(replace(predictions, logits=predictions.logits / np.exp(log))).mean(),
            bounds=(-np.log(_MOST), np.log(_MOST)), method="bounded", options={"xatol": 1e-6})
        return cls(float(np.exp(optimum.x)))

    def apply(self, logits: np.ndarray) -> np.ndarray:
        return logits.astype(np.float64) / self.temperature


@dataclass(frozen=True)
class VectorScaling:
    """A factor and an offset for the logit of each class (Guo 2017)."""

    scale: tuple[float, ...]
    bias: tuple[float, ...]

    @classmethod
    def fit(cls, predictions: Predictions) -> Self:
        """Factors from 0 to 20 and offsets from -20 to 20 with the smallest NLL, by L-BFGS-B from the identity."""
        logits, truth = predictions.logits.astype(np.float64), one_hot(predictions)
        n, classes = logits.shape

        def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
            log = log_softmax(logits * values[:classes] + values[classes:], axis=1)
            slope = (np.exp(log) - truth) / n
            return -float((log * truth).sum()) / n, np.concatenate([(slope * logits).sum(axis=0), slope.sum(axis=0)])

        start = np.concatenate([np.ones(classes), np.zeros(classes)])
        bounds = [(0.0, _MOST)] * classes + [(-_MOST, _MOST)] * classes
        optimum = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
        return cls(tuple(optimum.x[:classes].tolist()), tuple(optimum.x[classes:].tolist()))

    def apply(self, logits: np.ndarray) -> np.ndarray:
        return logits.astype(np.float64) * np.array(self.scale) + np.array(self.bias)


@dataclass(frozen=True)
class Isotonic:
    """A rising curve from each class's probability to how often it came true, then all divided by their sum
    (Zadrozny & Elkan 2002). probability, frequency: the corners of each class's curve."""

    probability: tuple[tuple[float, ...], ...]
    frequency: tuple[tuple[float, ...], ...]

    @classmethod
    def fit(cls, predictions: Predictions) -> Self:
        """scikit-learn's isotonic regression, one class against the rest. Frequencies stay within 1 / (n + 2) and
        (n + 1) / (n + 2): n pictures cannot show that something never happens, and its NLL would be infinite."""
        from sklearn.isotonic import IsotonicRegression

        rarest = 1 / (len(predictions.labels) + 2)
        curves = []
        for label, shares in enumerate(predictions.probabilities.T):
            curve = IsotonicRegression(y_min=rarest, y_max=1 - rarest, out_of_bounds="clip")
            curve.fit(shares, predictions.labels == label)
            curves.append((tuple(curve.X_thresholds_.tolist()), tuple(curve.y_thresholds_.tolist())))
        return cls(tuple(x for x, _ in curves), tuple(y for _, y in curves))

    def apply(self, logits: np.ndarray) -> np.ndarray:
        shares = softmax(logits)
        frequencies = [np.interp(share, x, y)
                       for share, x, y in zip(shares.T, self.probability, self.frequency, strict=True)]
        return np.log(np.stack(frequencies, axis=1))


METHODS: dict[str, type[Calibrator]] = {"temperature": Temperature, "vector": VectorScaling, "isotonic": Isotonic}


def fit_all(validation: Predictions) -> dict[str, Calibrator]:
    """Every method of METHODS, fitted on `validation`."""
    return {name: method.fit(validation) for name, method in METHODS.items()}


def calibrated(predictions: Predictions, calibrator: Calibrator) -> Predictions:
    """The predictions with the calibrator's logits in place of the network's."""
    return replace(predictions, logits=calibrator.apply(predictions.logits))


def assess(test: Predictions, calibrators: Mapping[str, Calibrator]) -> dict[str, dict[str, Interval]]:
    """FIGURES on `test` as intervals over pictures, by method ("none" first) and figure.

    All methods are judged on the same resamples of pictures.
    """
    versions = {"none": test, **{name: calibrated(test, calibrator) for name, calibrator in calibrators.items()}}
    figures = {(name, figure): statistic for name, version in versions.items()
               for figure, statistic in statistics(version, FIGURES).items()}
    intervals = bootstrap(figures)
    return {name: {figure: intervals[name, figure] for figure in FIGURES} for name in versions}


def parameters(calibrators: Mapping[str, Calibrator]) -> dict[str, dict[str, Any]]:
    """What each method learned, fit for JSON; calibration.json in the folder of a run holds it."""
    return {name: dict(vars(calibrator)) for name, calibrator in calibrators.items()}


def load_calibrators(path: Path) -> dict[str, Calibrator]:
    """Read `parameters` back from a JSON file. Raises DataError when the file is missing or something else."""
    try:
        return {name: METHODS[name](**{key: _frozen(value) for key, value in learned.items()})
                for name, learned in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path}: no readable calibration ({error}); write it with `fashionlab evaluate`") from error


def _frozen(value: Any) -> Any:
    return tuple(_frozen(part) for part in value) if isinstance(value, list) else value


@dataclass(frozen=True)
class ReliabilityBins:
    """A reliability diagram's numbers, each [bins]: the bins' lower edges, mean confidence, share right, pictures.

    A bin without pictures has confidence and accuracy 0 and count 0. The ECE is the mean of |confidence - accuracy|
    weighted by count.
    """

    edges: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray


def reliability_bins(probabilities: np.ndarray, labels: np.ndarray, bins: int = ECE_BINS) -> ReliabilityBins:
    """Equal-width bins of confidence (probabilities [N, K], labels int [N]), the same that the metric `ece` uses."""
    confidence = probabilities.max(axis=1)
    which = equal_width_bins(confidence, bins)
    count = np.bincount(which, minlength=bins)
    sums = [np.bincount(which, weights=values, minlength=bins)
            for values in (confidence, probabilities.argmax(axis=1) == labels)]
    means = [np.divide(total, count, out=np.zeros(bins), where=count > 0) for total in sums]
    return ReliabilityBins(np.arange(bins) / bins, means[0], means[1], count)
