"""What every registered optimizer has to do. A new one is tested with nothing changed here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from fashionlab import recipes
from fashionlab.common.errors import UsageError
from fashionlab.optimizers import OPTIMIZERS, Optimizer, build_optimizer
from optimizing import network, settings, train

NAMES = OPTIMIZERS.names()


def example(name: str) -> Any:
    return settings({"name": name, **OPTIMIZERS[name].example})


def rates(optimizer: Optimizer) -> dict[int, float]:
    return {id(parameter): group["initial_lr"] for group in optimizer.param_groups for parameter in group["params"]}


def test_there_are_optimizers() -> None:
    assert len(NAMES) >= 6


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is(name: str) -> None:
    entry = OPTIMIZERS[name]
    assert entry.description and entry.source and entry.__doc__
    chosen = example(name)
    assert type(chosen) is entry and chosen.name == name
    assert settings(chosen.model_dump(mode="json")) == chosen
    with pytest.raises(ValidationError, match="no_such_key"):
        settings({"name": name, **entry.example, "no_such_key": 1})


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_and_continues_bit_for_bit(name: str, tmp_path: Path) -> None:
    whole = network()
    losses = train(whole, build_optimizer(example(name), whole), range(10))
    assert sum(losses[-3:]) < sum(losses[:3])

    first = network()
    optimizer = build_optimizer(example(name), first)
    train(first, optimizer, range(5))
    torch.save({"model": first.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "last.pt")
    saved = torch.load(tmp_path / "last.pt", weights_only=True)

    second = network(seed=9)
    second.load_state_dict(saved["model"])
    optimizer = build_optimizer(example(name), second)
    optimizer.load_state_dict(saved["optimizer"])
    assert losses[5:] == train(second, optimizer, range(5, 10))
    for key, tensor in whole.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[key]), key


@pytest.mark.parametrize("name", NAMES)
def test_every_trainable_parameter_is_in_exactly_one_group(name: str) -> None:
    model = network()
    model[0].requires_grad_(False)
    grouped = [id(p) for group in build_optimizer(example(name), model).param_groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters() if p.requires_grad)


@pytest.mark.parametrize("name", NAMES)
def test_the_rate_of_a_step_is_the_group_s(name: str) -> None:
    """A schedule sets `lr`: at 0 nothing moves."""
    model = network()
    optimizer = build_optimizer(example(name), model)
    for group in optimizer.param_groups:
        assert group["lr"] == group["initial_lr"] > 0
        group["lr"] = 0.0
    before = [parameter.clone() for parameter in model.parameters()]
    train(model, optimizer, range(2))
    assert all(torch.equal(one, other) for one, other in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_it_scales_single_rates_or_says_that_it_cannot(name: str) -> None:
    transfer = ["model={name: efficientnet-lite0}", "transfer={layer_decay: 0.5}", f"optimizer={{name: {name}, lr: 1}}"]
    if not OPTIMIZERS[name].scales_rates:
        with pytest.raises(UsageError, match=f"transfer: not with optimizer '{name}'; expected one of .*sgd"):
            recipes.load("three-linear", transfer)
        return
    recipes.load("three-linear", transfer)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    plain = rates(build_optimizer(example(name), model))
    scaled = rates(build_optimizer(example(name), model, {model[0].weight: 0.25}))
    assert scaled == {**plain, id(model[0].weight): 0.25 * plain[id(model[0].weight)]}
