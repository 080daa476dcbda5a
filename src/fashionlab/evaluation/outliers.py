"""Is this a picture of anything the network knows? Outlier scores, how well they tell, and the detector kept.

Every score is higher the less a picture is like the training pictures. Fitted on training pictures, chosen and given
its threshold on validation pictures; the test split is only scored.
"""

from __future__ import annotations

import zipfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors

from fashionlab.common.errors import DataError, unknown
from fashionlab.common.files import replacing
from fashionlab.evaluation import outlier_scores

Fitted = dict[str, np.ndarray]
ACCEPTED = 0.95  # the share of known pictures that the threshold lets pass
NEIGHBOURS = 10


@dataclass(frozen=True)
class Answers:
    """A network's outputs for N pictures: logits float32 [N, K] and penultimate features float32 [N, D]."""

    logits: np.ndarray
    features: np.ndarray


class Score(ABC):
    """A way to say how unlike the training pictures a picture is."""

    def fit(self, features: np.ndarray, labels: np.ndarray) -> Fitted:
        """What the score has to know of training pictures: features float32 [N, D], labels int64 [N], N at least 2."""
        return {}

    @abstractmethod
    def outlier_score(self, answers: Answers, fitted: Fitted) -> np.ndarray:
        """float64 [N], higher for pictures less like the training pictures."""


@dataclass(frozen=True)
class Formula(Score):
    """A score that an artifact can hold."""

    formula: outlier_scores.Formula

    def outlier_score(self, answers: Answers, fitted: Fitted) -> np.ndarray:
        return self.formula(answers.logits, answers.features, fitted)


class Mahalanobis(Formula):
    """`outlier_scores.mahalanobis` with a covariance shrunk as Ledoit and Wolf 2004 do: without that it cannot be
    inverted where features are many or constant, such as the corner pixels of a linear network."""

    def fit(self, features: np.ndarray, labels: np.ndarray) -> Fitted:
        features = features.astype(np.float64)
        present, which = np.unique(labels, return_inverse=True)
        means = np.stack([features[labels == label].mean(axis=0) for label in present])
        shrunk = LedoitWolf(assume_centered=True).fit(features - means[which])
        return {"means": means, "precision": np.asarray(shrunk.precision_)}

    def outlier_score(self, answers: Answers, fitted: Fitted) -> np.ndarray:
        return super().outlier_score(answers, outlier_scores.whitened(**fitted, dtype=np.float64))


class Neighbours(Score):
    """The distance to the 10th nearest training picture is large, features scaled to length 1 (Sun et al. 2022,
    arXiv:2204.06507, who take the 50th of 50,000; to the last of a bank of fewer than 10)."""

    def fit(self, features: np.ndarray, labels: np.ndarray) -> Fitted:
        return {"bank": _unit(features)}

    def outlier_score(self, answers: Answers, fitted: Fitted) -> np.ndarray:
        bank = fitted["bank"]
        search = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(bank)), algorithm="brute").fit(bank)
        distances, _ = search.kneighbors(_unit(answers.features))
        return distances[:, -1].astype(np.float64)


def _unit(features: np.ndarray) -> np.ndarray:
    """float32 rows of length 1; a row of zeros stays."""
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), np.float32(1e-12))


SCORES: dict[str, Score] = {
    **{name: Formula(formula) for name, formula in outlier_scores.FORMULAS.items()},
    "mahalanobis": Mahalanobis(outlier_scores.mahalanobis),
    "neighbours": Neighbours(),
}


@dataclass(frozen=True)
class Detector:
    """A fitted score with its threshold: a picture whose score is above it is an outlier.

    score: a name of SCORES. Give it logits as `predict_logits` makes them, with the run's test-time views.
    """

    score: str
    threshold: float
    fitted: Fitted

    def outlier_score(self, answers: Answers) -> np.ndarray:
        """float64 [N], higher for pictures less like the training pictures."""
        return SCORES[self.score].outlier_score(answers, self.fitted)

    def is_outlier(self, answers: Answers) -> np.ndarray:
        """bool [N]."""
        return self.outlier_score(answers) > self.threshold

    def save(self, path: Path) -> None:
        with replacing(path) as temporary, temporary.open("wb") as stream:
            values = {"score": np.array(self.score), "threshold": np.array(self.threshold), **self.fitted}
            np.savez_compressed(stream, **values)  # pyright: ignore[reportArgumentType]

    @staticmethod
    def load(path: Path) -> Detector:
        """Read what `save` wrote. Raises DataError when the file is missing or something else."""
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as data:
                arrays = {name: data[name] for name in data.files}
            score, threshold = str(arrays.pop("score")), float(arrays.pop("threshold"))
        except (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: no readable outlier detector ({error})") from error
        if score not in SCORES:
            raise DataError(f"{path}: {unknown('outlier score', score, SCORES)}")
        return Detector(score, threshold, arrays)


def threshold(known: np.ndarray) -> float:
    """The smallest score of `known` (float [N]) that at least 95 % of them do not exceed."""
    return float(np.quantile(known, ACCEPTED, method="inverted_cdf"))
