"""Averages: slow loops and torch.optim.swa_utils as oracles; saved and loaded in between, they continue bit for bit."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from fashionlab.common.errors import UsageError
from fashionlab.recipes.averaging import AveragingSettings
from fashionlab.training.averaging import Averaging, build_averaging, refresh_batch_norm

SETTINGS: list[dict[str, Any]] = [
    {"name": "ema", "decay": 0.8},
    {"name": "ema", "decay": 0.9, "every": 3, "decay_warmup": True},
    {"name": "swa", "start_epoch": 1},
    {"name": "lookahead", "every": 2},
]
IDS = ["ema", "ema-warmup", "swa", "lookahead"]


def build(values: dict[str, Any] | None, model: nn.Module, total: int = 10, epoch: int = 2) -> Averaging:
    settings = TypeAdapter(AveragingSettings).validate_python(values) if values else None
    return build_averaging(settings, model, total, epoch)


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(48, 2))


def images(step: int, n: int = 8) -> Tensor:
    return torch.randn(n, 1, 6, 6, generator=torch.Generator().manual_seed(step)) + step / 10


def change(model: nn.Module, step: int) -> None:
    """Move every parameter and the batch-norm statistics, as a training step does."""
    generator = torch.Generator().manual_seed(step)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.95).add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
        model.train()
        model[1](model[0](images(step)))


def parameters(model: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone().double() for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("values", SETTINGS, ids=IDS)
def test_saved_and_loaded_it_continues_bit_for_bit(values: dict[str, Any], tmp_path: Path) -> None:
    whole = network()
    average = build(values, whole)
    half = network()
    half_average = build(values, half)
    for step in range(1, 6):
        change(half, step)
        half_average.update(half, step)
    torch.save({"model": half.state_dict(), "average": half_average.state_dict()}, tmp_path / "last.pt")
    saved = torch.load(tmp_path / "last.pt", weights_only=True)
    second = network(seed=5)
    second_average = build(values, second)
    second.load_state_dict(saved["model"])
    second_average.load_state_dict(saved["average"])

    for step in range(1, 11):
        change(whole, step)
        average.update(whole, step)
        if step > 5:
            change(second, step)
            second_average.update(second, step)
    average.finish(whole)
    second_average.finish(second)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name
    ours, theirs = average.averaged_weights(), second_average.averaged_weights()
    assert (ours is None) == (theirs is None) == (values["name"] == "lookahead")
    for name, tensor in (ours or {}).items():
        assert torch.equal(tensor, (theirs or {})[name]), name


def test_ema_equals_the_formula_and_torch() -> None:
    model = network()
    average = build({"name": "ema", "decay": 0.8}, model)
    assert average.averaged_weights() is None
    oracle = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.8))
    slow: dict[str, Tensor] = {}
    for step in range(1, 8):
        change(model, step)
        average.update(model, step)
        oracle.update_parameters(model)
        slow = {name: p if step == 1 else 0.8 * slow[name] + 0.2 * p for name, p in parameters(model).items()}
    weights = average.averaged_weights()
    assert weights is not None
    for name, tensor in slow.items():
        assert torch.allclose(weights[name].double(), tensor, atol=1e-6), name
    for name, tensor in oracle.module.state_dict().items():
        assert torch.equal(weights[name], tensor), name


def test_ema_warms_its_decay_up_and_skips_steps() -> None:
    model = network()
    average = build({"name": "ema", "decay": 0.3, "every": 3, "decay_warmup": True}, model, 30)
    slow: dict[str, Tensor] = {}
    for step in range(1, 31):
        change(model, step)
        average.update(model, step)
        if step % 3 == 0:
            count = step // 3 - 1
            decay = min(0.3, (1 + count) / (10 + count)) if count else 0.0
            slow = {name: (1 - decay) * p + decay * slow.get(name, p) for name, p in parameters(model).items()}
    weights = average.averaged_weights()
    assert weights is not None
    for name, tensor in slow.items():
        assert torch.allclose(weights[name].double(), tensor, atol=1e-6), name


def test_swa_is_the_mean_of_the_later_epochs() -> None:
    model = network()
    average = build({"name": "swa", "start_epoch": 2, "lr_factor": 0.5}, model, total=10, epoch=2)
    kept: list[dict[str, Tensor]] = []
    for step in range(1, 11):
        assert average.lr_factor(step - 1) == (0.5 if step > 4 else None)
        change(model, step)
        average.update(model, step)
        assert (average.averaged_weights() is None) == (step < 6)
        if step in (6, 8, 10):
            kept.append(parameters(model))
    weights = average.averaged_weights()
    assert weights is not None
    for name in kept[0]:
        assert torch.allclose(weights[name].double(), sum(k[name] for k in kept) / 3, atol=1e-6), name
    model.load_state_dict(weights)


def test_swa_without_a_rate_of_its_own_leaves_the_schedule_alone() -> None:
    assert build({"name": "swa", "start_epoch": 0}, network()).lr_factor(9) is None


def test_swa_that_never_starts_is_refused() -> None:
    with pytest.raises(UsageError, match="start_epoch is 5, but training has 5 epochs"):
        build({"name": "swa", "start_epoch": 5}, network(), total=10, epoch=2)


def test_lookahead_equals_the_formula() -> None:
    """Against a slow loop over the airbench94 rule, batch-norm statistics included."""
    model, fast = network(), network()
    average = build({"name": "lookahead", "every": 2, "decay": 0.9}, model)
    slow = copy.deepcopy(fast.state_dict())
    for step in range(1, 10):
        change(model, step)
        average.update(model, step)
        change(fast, step)
        if step % 2 == 0:
            decay = 0.9**2 * (step / 10) ** 3
            for name, tensor in fast.state_dict().items():
                if tensor.is_floating_point():
                    slow[name] = decay * slow[name] + (1 - decay) * tensor
                    tensor.copy_(slow[name])
        for name, tensor in fast.state_dict().items():
            assert torch.allclose(model.state_dict()[name].double(), tensor.double(), atol=1e-5), (name, step)
    average.finish(model)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            assert torch.allclose(tensor, slow[name], atol=1e-5), name
    assert average.averaged_weights() is None
    assert average.lr_factor(3) is None


def test_integer_buffers_are_copied() -> None:
    model = network()
    average = build({"name": "ema"}, model)
    for step in range(1, 4):
        change(model, step)
        average.update(model, step)
    weights = average.averaged_weights()
    assert weights is not None
    assert weights["1.num_batches_tracked"].item() == 3


def test_no_averaging_changes_nothing() -> None:
    model = network()
    before = copy.deepcopy(model.state_dict())
    average = build(None, model)
    average.update(model, 1)
    average.finish(model)
    average.load_state_dict(average.state_dict())
    assert average.averaged_weights() is None
    assert average.lr_factor(0) is None
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_refreshed_statistics_equal_torch_and_ignore_dropout() -> None:
    ours, theirs = network(), network()
    batches = [images(step) for step in range(5)]
    ours[4].train()
    refresh_batch_norm(ours, iter(batches))
    update_bn(batches, theirs)
    for mine, other in zip(ours.buffers(), theirs.buffers(), strict=True):
        assert torch.equal(mine, other)
    assert ours.training and ours[4].training and ours[1].momentum == 0.1


def test_refreshed_statistics_do_not_depend_on_dropout_before() -> None:
    model = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm2d(1)).eval()
    refresh_batch_norm(model, [images(1)])
    assert model[1].running_mean.item() == pytest.approx(images(1).mean().item(), abs=1e-6)
    assert model[1].running_var.item() == pytest.approx(images(1).var().item(), abs=1e-5)
    assert not model.training and not model[1].training


def test_refresh_reads_nothing_for_a_model_without_batch_norm() -> None:
    def never() -> Iterator[Tensor]:
        raise AssertionError("a batch was read")
        yield

    refresh_batch_norm(nn.Linear(2, 2), never())


def test_refresh_needs_batches_and_restores_modes() -> None:
    model = network().eval()
    with pytest.raises(ValueError, match="no batches"):
        refresh_batch_norm(model, [])
    assert not model[1].training and model[1].momentum == 0.1
