"""What the optimizer, schedule, averaging and early stopping parts of a recipe accept and refuse."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from fashionlab.optimizers import OptimizerSettings
from fashionlab.recipes.averaging import AveragingSettings
from fashionlab.recipes.schedules import ScheduleSettings
from fashionlab.recipes.stopping import EarlyStoppingSettings

SCHEDULES: list[dict[str, Any]] = [
    {"name": "constant"}, {"name": "cosine"}, {"name": "linear"}, {"name": "one-cycle"}, {"name": "plateau"},
    {"name": "step", "every": 2}, {"name": "step", "milestones": [2, 5]},
]
AVERAGES: list[dict[str, Any]] = [{"name": "ema"}, {"name": "swa", "start_epoch": 3}, {"name": "lookahead"}]
KINDS = ((ScheduleSettings, SCHEDULES), (AveragingSettings, AVERAGES))
CASES = [(kind, values) for kind, group in KINDS for values in group]
NAMES = [values["name"] for _, values in CASES]


@pytest.mark.parametrize(("kind", "values"), CASES, ids=NAMES)
def test_settings_survive_a_dump_and_keep_what_was_given(kind: Any, values: dict[str, Any]) -> None:
    settings = TypeAdapter(kind).validate_python(values)
    dumped = settings.model_dump(mode="json")
    assert TypeAdapter(kind).validate_python(dumped) == settings
    assert dumped["name"] == values["name"]


@pytest.mark.parametrize(("kind", "values"), CASES, ids=NAMES)
def test_unknown_keys_are_refused(kind: Any, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="no_such_key"):
        TypeAdapter(kind).validate_python(values | {"no_such_key": 1})


@pytest.mark.parametrize(
    ("kind", "values", "key"),
    [
        (OptimizerSettings, {"name": "sgd", "lr": -0.1}, "lr"),
        (OptimizerSettings, {"name": "sgd", "lr": 0}, "lr"),
        (OptimizerSettings, {"name": "sgd", "lr": float("inf")}, "lr"),
        (OptimizerSettings, {"name": "sgd", "lr": "fast"}, "lr"),
        (OptimizerSettings, {"name": "sgd"}, "lr"),
        (OptimizerSettings, {"name": "sgd", "lr": 0.1, "momentum": 1.0}, "momentum"),
        (OptimizerSettings, {"name": "sgd", "lr": 0.1, "nesterov": True}, "nesterov"),
        (OptimizerSettings, {"name": "sgd", "lr": 0.1, "weight_decay": -1}, "weight_decay"),
        (OptimizerSettings, {"name": "adam", "betas": [0.9, 1.0]}, "betas"),
        (OptimizerSettings, {"name": "adam", "betas": [0.9]}, "betas"),
        (OptimizerSettings, {"name": "muon", "others": {"name": "rmsprop"}}, "others"),
        (OptimizerSettings, {"name": "sam", "lr": 0.1, "rho": 0}, "rho"),
        (OptimizerSettings, {"name": "adagrad"}, "adagrad"),
        (ScheduleSettings, {"name": "cosine", "warmup": 1.5}, "warmup"),
        (ScheduleSettings, {"name": "cosine", "final": -0.1}, "final"),
        (ScheduleSettings, {"name": "step"}, "every or milestones"),
        (ScheduleSettings, {"name": "step", "every": 2, "milestones": [1]}, "every or milestones"),
        (ScheduleSettings, {"name": "step", "milestones": [5, 2]}, "milestones must rise"),
        (ScheduleSettings, {"name": "plateau", "metric": "test_accuracy"}, "metric"),
        (ScheduleSettings, {"name": "plateau", "factor": 1.0}, "factor"),
        (ScheduleSettings, {"name": "one-cycle", "pct_start": 0}, "pct_start"),
        (AveragingSettings, {"name": "ema", "decay": 1.0}, "decay"),
        (AveragingSettings, {"name": "swa"}, "start_epoch"),
        (AveragingSettings, {"name": "lookahead", "every": 0}, "every"),
        (EarlyStoppingSettings, {"patience": 0}, "patience"),
        (EarlyStoppingSettings, {"min_delta": -1}, "min_delta"),
        (EarlyStoppingSettings, {"metric": "loss"}, "metric"),
    ],
)
def test_values_out_of_range_are_refused_by_key(kind: Any, values: dict[str, Any], key: str) -> None:
    with pytest.raises(ValidationError, match=key):
        TypeAdapter(kind).validate_python(values)


def test_numbers_that_yaml_reads_as_text_are_numbers() -> None:
    assert TypeAdapter(OptimizerSettings).validate_python({"name": "adam", "lr": "1e-3"}).lr == 1e-3
