"""What training a run costs, as training records it in metrics.json."""

from __future__ import annotations

from fashionlab.evaluation.metrics.record import Metric

_OURS = "fashionlab, training"

COSTS = (
    Metric("epochs", "epochs trained", _OURS, higher_is_better=False, unit="epochs", tables={"dashboard": "epochs"}),
    Metric("train_seconds", "training time", _OURS, higher_is_better=False, unit="s", is_time=True,
           tables={"dashboard": "training time"}),
    Metric("images_per_second", "training speed", _OURS, unit="pictures/s", is_time=True,
           tables={"dashboard": "pictures per second"}),
    Metric("parameters", "parameters", _OURS, higher_is_better=False, unit="", tables={"dashboard": "parameters"}),
)
