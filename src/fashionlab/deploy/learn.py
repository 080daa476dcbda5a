"""What an artifact knows beside its graph: rules and reference, from the run's training and validation pictures.

Learned from the answers of the graph that will be served, so that they are right for its arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fashionlab.common.logits import softmax
from fashionlab.common.records import PictureSet, Predictions, Split
from fashionlab.deploy import rules
from fashionlab.deploy.reference import Reference, statistics
from fashionlab.deploy.session import Session
from fashionlab.evaluation import outliers
from fashionlab.evaluation.calibration import Temperature
from fashionlab.evaluation.conformal import threshold
from fashionlab.evaluation.outlier_run import choose
from fashionlab.evaluation.outlier_scores import FORMULAS, Arrays, mahalanobis, whitened

COVERAGE = 0.95  # of the prediction sets


@dataclass(frozen=True)
class Learned:
    """temperature, limit and threshold as in `rules.Rules`; score: its name; areas: the mean AUROC of each score on
    validation pictures; arrays: what the scores need; reference: for drift; accuracy: on the validation pictures."""

    temperature: float
    limit: float
    score: str
    threshold: float
    areas: dict[str, float]
    arrays: Arrays
    reference: Reference
    accuracy: float


@dataclass(frozen=True)
class _Asked:
    """A graph, to be asked by `choose`."""

    session: Session

    def features(self, pictures: PictureSet, rows: np.ndarray) -> np.ndarray:
        return self.session.ask(pictures.images[rows])[1]

    def answers(self, pictures: PictureSet, rows: np.ndarray | None = None) -> outliers.Answers:
        return outliers.Answers(*self.session.ask(pictures.images if rows is None else pictures.images[rows]))


def learn(session: Session, pictures: PictureSet, split: Split) -> Learned:
    """Everything from the pictures of `split`, which must have validation pictures.

    The outlier score is the one that tells outliers best on validation pictures, of those that an artifact can hold.
    """
    images, labels = pictures.images[split.validation], pictures.labels[split.validation]
    logits, features = session.ask(images)
    temperature = Temperature.fit(Predictions(logits, labels, split.validation, pictures.classes, "val")).temperature
    true = softmax(logits / temperature)[np.arange(len(labels)), labels]
    limit = threshold(1 - true, COVERAGE)
    choice = choose(_Asked(session), pictures, split, scores=tuple(FORMULAS))
    best = choice.detector.score
    arrays = whitened(**choice.fitted["mahalanobis"], dtype=np.float32)
    distance = mahalanobis(logits, features, arrays)
    # By the arithmetic that will serve, not by evaluation's: a picture at the threshold must fall on the same side.
    outlier_score = FORMULAS[best](logits, features, arrays)
    known = rules.Rules(temperature, limit, lambda *_: outlier_score, 0.0).answers(logits, features)
    return Learned(temperature, limit, best, outliers.threshold(outlier_score), choice.areas, arrays,
                   Reference.of(statistics(images, known, distance), known), float((logits.argmax(1) == labels).mean()))
