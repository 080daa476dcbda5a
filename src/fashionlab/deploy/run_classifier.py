"""A run, answering through PyTorch: for trying a model out before it is exported."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fashionlab.common import runtime
from fashionlab.deploy import graph
from fashionlab.deploy.classifier import shaped
from fashionlab.deploy.learn import COVERAGE
from fashionlab.deploy.rules import Answers, Rules
from fashionlab.evaluation import conformal, outliers
from fashionlab.evaluation.calibration import Temperature, calibrated
from fashionlab.evaluation.outlier_scores import max_softmax
from fashionlab.runs.model import load_model
from fashionlab.runs.results import RunResults, load_results

_CHUNK = 256


class RunClassifier:
    """The network of the run at `path` with the rules that its folder knows.

    Temperature and prediction sets come from its validation predictions, outliers from the detector that
    `fashionlab evaluate --outliers` kept, else from the highest probability. A run without validation predictions
    promises nothing: its sets hold every class, and no picture is an outlier.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        results = load_results(path)
        device_runtime = runtime.choose("cpu", "float32", threads)
        model, spec = load_model(results.folder, device_runtime.device)
        self.classes, self.channels, self.image_size = spec.classes, spec.channels, spec.image_size
        self.preparations = spec.preparations
        self.network = graph.Deployed(model, spec)
        self.rules = _rules(results)

    def answer(self, pictures: np.ndarray) -> Answers:
        images = shaped(pictures, self)
        parts = [graph.ask(self.network, images[start : start + _CHUNK])
                 for start in range(0, max(len(images), 1), _CHUNK)]
        return self.rules.answers(*(np.concatenate([part[which] for part in parts]) for which in (0, 1)))


def _rules(results: RunResults) -> Rules:
    def highest(logits: np.ndarray, features: np.ndarray) -> np.ndarray:
        return max_softmax(logits, features, {})

    validation = results.validation
    if validation is None or not len(validation.labels):
        return Rules(1.0, 1.0, highest, float("inf"))
    temperature = Temperature.fit(validation)
    warm = calibrated(validation, temperature).probabilities
    limit = conformal.threshold(1 - warm[np.arange(len(warm)), validation.labels], COVERAGE)
    path = results.folder.path / "outlier_detector.npz"
    if not path.is_file():
        return Rules(temperature.temperature, limit, highest,
                     outliers.threshold(highest(validation.logits, validation.logits)))
    detector = outliers.Detector.load(path)
    return Rules(temperature.temperature, limit, lambda *seen: detector.outlier_score(outliers.Answers(*seen)),
                 detector.threshold)
