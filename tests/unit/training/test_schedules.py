"""Schedules, step by step against torch.optim.lr_scheduler."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from torch.optim import lr_scheduler

from fashionlab.common.errors import DivergedError
from fashionlab.recipes.schedules import ScheduleSettings
from fashionlab.training.schedules import Schedule

TOTAL, EPOCH = 60, 6
NAMES = ["constant", "cosine", "linear", "one-cycle", "step", "plateau"]


ADAPTER: TypeAdapter[Any] = TypeAdapter(ScheduleSettings)


def build(total: int = TOTAL, epoch: int = EPOCH, **values: Any) -> Schedule:
    return Schedule(ADAPTER.validate_python(values), total, epoch)


def minimal(name: str) -> dict[str, Any]:
    return {"name": name, **({"every": 3} if name == "step" else {})}


def sgd(*rates: float) -> torch.optim.SGD:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr, "initial_lr": lr} for lr in rates]
    return torch.optim.SGD(groups, momentum=0.9)


def torch_rates(make: Callable[[torch.optim.Optimizer], Any], steps: int = TOTAL) -> list[float]:
    optimizer = sgd(0.4)
    scheduler = make(optimizer)
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(steps - 1):
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # SequentialLR passes an epoch to its own parts
            scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def our_rates(schedule: Schedule, steps: int = TOTAL) -> list[float]:
    optimizer = sgd(0.4)
    return [schedule.apply(optimizer, step) for step in range(steps)]


@pytest.mark.parametrize("final", [0.0, 0.05])
def test_cosine_equals_torch(final: float) -> None:
    oracle = torch_rates(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=TOTAL, eta_min=0.4 * final))
    assert our_rates(build(name="cosine", final=final)) == pytest.approx(oracle, abs=1e-12)


def test_cosine_after_a_warmup_equals_torch() -> None:
    def make(optimizer: torch.optim.Optimizer) -> Any:
        rise = lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=15)
        fall = lr_scheduler.CosineAnnealingLR(optimizer, T_max=45)
        return lr_scheduler.SequentialLR(optimizer, [rise, fall], milestones=[15])

    ours = our_rates(build(name="cosine", warmup=0.25, warmup_start=0.1))
    assert ours == pytest.approx(torch_rates(make), abs=1e-12)


def test_linear_equals_torch() -> None:
    oracle = torch_rates(lambda o: lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=TOTAL))
    assert our_rates(build(name="linear", final=0.1)) == pytest.approx(oracle, rel=1e-9)


def test_linear_with_warmup_is_the_airbench_triangle() -> None:
    """As the published schedule, by np.interp over the corners (0, 0.2), (0.25, 1) and (1, 0.07)."""
    schedule = build(name="linear", warmup=0.25, warmup_start=0.2, final=0.07)
    oracle = np.interp(np.arange(TOTAL), [0, TOTAL / 4, TOTAL], [0.2, 1, 0.07])
    assert [schedule.factor(step) for step in range(TOTAL)] == pytest.approx(oracle.tolist())


@pytest.mark.parametrize("values", [{}, {"pct_start": 0.2, "div_factor": 10, "final_div_factor": 50}])
@pytest.mark.parametrize("total", [2, 7, 10, 60])
def test_one_cycle_equals_torch(values: dict[str, Any], total: int) -> None:
    oracle = torch_rates(
        lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.4, total_steps=total, cycle_momentum=False, **values), total)
    assert our_rates(build(total, name="one-cycle", **values), total) == pytest.approx(oracle, rel=1e-9)


def test_step_equals_torch() -> None:
    oracle = torch_rates(lambda o: lr_scheduler.StepLR(o, step_size=3 * EPOCH, gamma=0.5))
    assert our_rates(build(name="step", every=3, factor=0.5)) == pytest.approx(oracle)
    oracle = torch_rates(lambda o: lr_scheduler.MultiStepLR(o, milestones=[2 * EPOCH, 7 * EPOCH], gamma=0.1))
    assert our_rates(build(name="step", milestones=[2, 7])) == pytest.approx(oracle)


def test_constant_with_warmup_equals_torch() -> None:
    oracle = torch_rates(lambda o: lr_scheduler.LinearLR(o, start_factor=0.25, total_iters=6))
    assert our_rates(build(name="constant", warmup=0.1, warmup_start=0.25)) == pytest.approx(oracle)


@settings(deadline=None)
@given(values=st.lists(st.floats(0.01, 3), min_size=1, max_size=40), patience=st.integers(0, 3),
       metric=st.sampled_from(["val_loss", "val_accuracy"]), threshold=st.sampled_from([0.0, 1e-4, 0.1]),
       min_lr=st.sampled_from([0.0, 0.03]))
def test_plateau_equals_torch(
    values: list[float], metric: str, patience: int, threshold: float, min_lr: float
) -> None:
    schedule = build(name="plateau", metric=metric, factor=0.5, patience=patience, threshold=threshold, min_lr=min_lr)
    ours, theirs = sgd(0.4, 0.02), sgd(0.4, 0.02)
    oracle = lr_scheduler.ReduceLROnPlateau(
        theirs, mode="min" if metric == "val_loss" else "max", factor=0.5, patience=patience, threshold=threshold,
        min_lr=[min_lr, min(0.02, min_lr)], eps=0)  # torch would lift a rate below min_lr up to it
    for epoch, value in enumerate(values):
        schedule.apply(ours, epoch * EPOCH)
        assert [g["lr"] for g in ours.param_groups] == pytest.approx([g["lr"] for g in theirs.param_groups], rel=1e-9)
        schedule.end_epoch({metric: value})
        oracle.step(value)


def test_plateau_state_goes_through_json() -> None:
    values = [1.0, 0.9, 0.95, 0.96, 0.97, 0.5, 0.6, 0.7, 0.8]
    whole, first, second = (build(name="plateau", patience=1) for _ in range(3))
    for value in values[:4]:
        first.end_epoch({"val_loss": value})
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    for value in values[4:]:
        second.end_epoch({"val_loss": value})
    for value in values:
        whole.end_epoch({"val_loss": value})
    assert whole.state_dict() == second.state_dict()
    assert whole.factor(0) == second.factor(0) == pytest.approx(0.01)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_plateau_names_a_metric_that_is_not_finite(bad: float) -> None:
    with pytest.raises(DivergedError, match="val_loss became"):
        build(name="plateau").end_epoch({"val_loss": bad})


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=30)
@given(total=st.integers(1, 60), epoch=st.integers(1, 50), warmup=st.floats(0, 1), start=st.floats(0, 1))
def test_factors_stay_between_0_and_1(name: str, total: int, epoch: int, warmup: float, start: float) -> None:
    values = minimal(name) | ({} if name == "one-cycle" else {"warmup": warmup, "warmup_start": start})
    schedule = build(total, epoch, **values)
    factors = [schedule.factor(step) for step in range(total)]
    assert all(0 <= factor <= 1 + 1e-12 for factor in factors)
    assert schedule.factor(0) == factors[0]  # a step asked for again, out of order


def test_apply_scales_every_group_and_can_be_overridden() -> None:
    optimizer = sgd(0.4, 2.0)
    schedule = build(name="linear")
    assert schedule.apply(optimizer, 30) == pytest.approx(0.2)
    assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([0.2, 1.0])
    assert schedule.apply(optimizer, 30, override=0.1) == pytest.approx(0.04)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "plateau"])
def test_only_plateau_has_a_state(name: str) -> None:
    schedule = build(**minimal(name))
    before = schedule.factor(5)
    schedule.end_epoch({"val_loss": math.nan})
    schedule.load_state_dict(schedule.state_dict())
    assert schedule.state_dict() == {}
    assert schedule.factor(5) == before
