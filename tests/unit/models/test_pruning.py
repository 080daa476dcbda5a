"""Structured pruning: what is dead goes first, and nothing else changes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import nn

from fashionlab import models
from fashionlab.common.errors import UsageError
from fashionlab.models.pruning import _links, shrink

PRUNABLE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("fast", {"widths": (8, 12)}, {"widths": (5, 7)}),
    ("fast", {"widths": (8, 12), "depth": 3}, {"widths": (8, 6), "depth": 3}),
    ("ablation-main", {"filters": 6}, {"filters": 3}),
    ("ablation-shallow", {"filters": 6, "batch_norm": True}, {"filters": 4, "batch_norm": True}),
    ("ablation-shallow", {"filters": 6}, {"filters": 4}),
    ("three-cnn", {"hidden_units": 7}, {"hidden_units": 2}),
    ("three-mlp", {"hidden_units": 9}, {"hidden_units": 4}),
]


def network(name: str, seed: int = 0, size: int = 12, **arguments: Any) -> nn.Module:
    """With scales, shifts and running statistics that differ between channels, as after training."""
    torch.manual_seed(seed)
    built = models.build(name, classes=4, channels=1, image_size=size, **arguments).eval()
    for module in built.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            for value in (module.weight.data, module.running_var, module.running_mean, module.bias.data):
                value.uniform_(0.5, 2)  # type: ignore[union-attr]
    return built


@torch.no_grad()
def kill(built: nn.Module, small: nn.Module, name: str) -> None:
    """Let nothing read as many channels of each layer as `small` lacks."""
    modules, less = dict(built.named_modules()), dict(small.named_modules())
    links, dead = _links(built, name), {}
    for place, (link, reader) in enumerate(itertools.pairwise(links)):
        width = modules[link.layer].weight.shape[0]
        drop = width - less[link.layer].weight.shape[0]
        dead[place] = dead[link.like] if link.like is not None else torch.randperm(width)[:drop]
        weight = modules[reader.layer].weight
        weight.view(len(weight), width, -1)[:, dead[place]] = 0


@pytest.mark.parametrize(("name", "wide", "narrow"), PRUNABLE)
def test_without_its_dead_channels_a_network_says_the_same(name: str, wide: dict, narrow: dict):
    built, small = network(name, **wide), network(name, 1, **narrow)
    kill(built, small, name)
    small.load_state_dict(shrink(built, small, name))
    pictures = torch.randn(5, 1, 12, 12)
    with torch.no_grad():
        torch.testing.assert_close(small(pictures), built(pictures), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "wide", "narrow"), PRUNABLE)
def test_with_all_channels_kept_the_weights_are_the_same(name: str, wide: dict, narrow: dict):
    built = network(name, **wide)
    found = shrink(built, network(name, 1, **wide), name)
    assert found.keys() == built.state_dict().keys()
    assert all(torch.equal(found[key], value) for key, value in built.state_dict().items())


def test_importance_does_not_depend_on_where_a_channel_has_its_size():
    built, small = network("three-cnn", hidden_units=7), network("three-cnn", 1, hidden_units=3)
    before = built.state_dict()["0.weight"].clone()
    kept = [int((before == row).flatten(1).all(1).nonzero()) for row in shrink(built, small, "three-cnn")["0.weight"]]
    with torch.no_grad():
        built[0].weight[2] *= 100  # type: ignore[index]
        built[2].weight[:, 2] /= 100  # type: ignore[index]
    after = shrink(built, small, "three-cnn")["0.weight"]
    assert torch.equal(after, built.state_dict()["0.weight"][kept])


@pytest.mark.parametrize("name", ["resnet20", "vit", "logistic"])
def test_what_is_no_chain_is_refused(name: str):
    built = network(name, size=28)
    with pytest.raises(UsageError, match=f"model '{name}' cannot be pruned"):
        shrink(built, built, name)


@pytest.mark.parametrize(("one", "other"), [
    (("fast", {"widths": (4, 4)}), ("fast", {"widths": (4, 5)})),
    (("fast", {"widths": (4, 4)}), ("fast", {"widths": (4,)})),
    (("fast", {"widths": (4, 4), "whitening_width": 4}), ("fast", {"widths": (4, 4)})),
])
def test_a_wider_or_other_network_is_refused(one: tuple, other: tuple):
    with pytest.raises(UsageError, match="may differ in being wider"):
        shrink(network(one[0], **one[1]), network(other[0], **other[1]), "fast")
