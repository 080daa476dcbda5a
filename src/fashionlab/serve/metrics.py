"""What Prometheus reads of the service."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily

from fashionlab.deploy.rules import Answers
from fashionlab.serve.limits import REASONS
from fashionlab.serve.logs import log_event
from fashionlab.serve.model import Model

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_PICTURES = (1, 2, 4, 8, 16, 32, 64, 128)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_DRIFT_EVERY = 1.0  # seconds: sorting the window for each of many readers would be work for nothing
_LOOK_EVERY = 50  # pictures: an alarm that comes and goes between two readers is kept


class Metrics:
    """All figures, in a registry of their own. model gives the one that answers now, waiting the pictures that wait."""

    def __init__(self, model: Callable[[], Model], waiting: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._requests = Counter("fashionlab_requests", "Requests answered.", ("method", "path", "status"),
                                 registry=self.registry)
        self._seconds = Histogram("fashionlab_request_seconds", "From a request's head to its answer's end.", ("path",),
                                  buckets=_SECONDS, registry=self.registry)
        self._batches = Histogram("fashionlab_batch_pictures", "Pictures answered by one call of the network.",
                                  buckets=_PICTURES, registry=self.registry)
        self._predictions = Counter("fashionlab_predictions", "Pictures by the class they were given.", ("label",),
                                    registry=self.registry)
        self._outliers = Counter("fashionlab_outliers", "Pictures unlike the training pictures.",
                                 registry=self.registry)
        self._rejected = Counter("fashionlab_rejected", "Requests refused, by reason.", ("reason",),
                                 registry=self.registry)
        self._reloads = Counter("fashionlab_reloads", "Artifacts read again, by result.", ("result",),
                                registry=self.registry)
        for reason in REASONS:
            self._rejected.labels(reason)  # present from the start, as 0: a rate needs a first value
        for result in ("done", "failed"):
            self._reloads.labels(result)
        self._alarms = Counter("fashionlab_drift_alarms", "Alarms of drift that have begun.", ("figure",),
                               registry=self.registry)
        self._since_look = 0
        self._raised: set[str] = set()
        Gauge("fashionlab_waiting_pictures", "Pictures accepted and not answered yet.",
              registry=self.registry).set_function(waiting)
        self.registry.register(_Drift(model))  # type: ignore[arg-type]
        self._model = model

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        self._requests.labels(method, path, status).inc()
        self._seconds.labels(path).observe(seconds)

    def batch(self, model: Model, answers: Answers, figures: dict[str, np.ndarray]) -> None:
        """What one call of the network answered, for the figures here and for the drift of `model`."""
        classes = model.classifier.classes
        self._batches.observe(len(answers.probabilities))
        counts = np.bincount(answers.probabilities.argmax(axis=1), minlength=len(classes))
        for position in np.flatnonzero(counts):
            self._predictions.labels(classes[position]).inc(int(counts[position]))
        self._outliers.inc(int(answers.outlier.sum()))
        model.drift.observe(figures, answers)
        self._since_look += len(answers.probabilities)
        if self._since_look >= _LOOK_EVERY:
            self._since_look = 0
            self._look(model)

    def _look(self, model: Model) -> None:
        """Count and log the alarms that have begun since the last look."""
        raised = {figure.name: figure for figure in model.drift.report().figures if figure.alarm}
        for name in raised.keys() - self._raised:
            self._alarms.labels(name).inc()
            figure = raised[name]
            log_event("drift", "warning", figure=name, psi=round(figure.psi, 4), limit=round(figure.limit, 4),
                      **({} if math.isnan(figure.ks) else {"ks": round(figure.ks, 4)}))
        self._raised = set(raised)

    def rejected(self, reason: str) -> None:
        self._rejected.labels(reason).inc()

    def reloaded(self, result: str) -> None:
        self._reloads.labels(result).inc()

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _Drift:
    """Drift and the model's name, asked for when Prometheus asks."""

    def __init__(self, model: Callable[[], Model]) -> None:
        self._model = model
        self._last: tuple[float, Model, list[GaugeMetricFamily]] | None = None

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        model, now = self._model(), time.monotonic()
        if self._last is None or self._last[1] is not model or now - self._last[0] > _DRIFT_EVERY:
            self._last = (now, model, self._families(model))
        yield from self._last[2]

    def _families(self, model: Model) -> list[GaugeMetricFamily]:
        info = GaugeMetricFamily("fashionlab_model_info", "The model that answers: 1.", labels=("name", "sha256"))
        info.add_metric((model.classifier.artifact.description.name, model.sha256), 1)
        report = model.drift.report()
        window = GaugeMetricFamily("fashionlab_drift_window_pictures", "Pictures that drift is measured on now.",
                                   report.window)
        families = [GaugeMetricFamily(f"fashionlab_drift_{name}", text, labels=("figure",)) for name, text in (
            ("psi", "Population stability index against the artifact's reference."),
            ("ks", "Kolmogorov-Smirnov distance from the artifact's reference."),
            ("alarm", "1 where the figure has drifted, else 0."))]
        for figure in report.figures:
            for family, value in zip(families, (figure.psi, figure.ks, float(figure.alarm)), strict=True):
                family.add_metric((figure.name,), value)
        return [info, window, *families]
