"""Early stopping against a slow loop over the history."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fashionlab.common.errors import DivergedError
from fashionlab.recipes.stopping import EarlyStoppingSettings
from fashionlab.training.stopping import EarlyStopping


def stops_at(values: list[float], metric: str, patience: int, min_delta: float) -> int | None:
    """The first epoch with `patience` epochs behind the last improvement, counted anew for every epoch."""
    sign = 1 if metric == "val_accuracy" else -1
    for end in range(1, len(values) + 1):
        best, at = values[0], 0
        for epoch, value in enumerate(values[:end]):
            if sign * (value - best) - min_delta > 0:
                best, at = value, epoch
        if end - 1 - at >= patience:
            return end - 1
    return None


@settings(deadline=None)
@given(values=st.lists(st.floats(0, 2), min_size=1, max_size=30), metric=st.sampled_from(["val_loss", "val_accuracy"]),
       patience=st.integers(1, 4), min_delta=st.sampled_from([0.0, 0.1]))
def test_stops_where_a_slow_loop_does(values: list[float], metric: str, patience: int, min_delta: float) -> None:
    values_given = {"metric": metric, "patience": patience, "min_delta": min_delta}
    stopping = EarlyStopping(EarlyStoppingSettings.model_validate(values_given))
    found = next((epoch for epoch, value in enumerate(values) if stopping.update({metric: value})), None)
    assert found == stops_at(values, metric, patience, min_delta)


def test_continues_after_a_round_trip_through_json() -> None:
    first, second = (EarlyStopping(EarlyStoppingSettings(patience=3)) for _ in range(2))
    for value in (1.0, 0.5, 0.6, 0.7):
        assert not first.update({"val_loss": value, "val_accuracy": 0.1})
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert second.update({"val_loss": 0.5})  # equal is not better


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_metric_that_is_not_finite_means_diverged(bad: float) -> None:
    stopping = EarlyStopping(EarlyStoppingSettings(metric="val_accuracy"))
    with pytest.raises(DivergedError, match="val_accuracy became"):
        stopping.update({"val_accuracy": bad})
