"""Building by name, the counting of multiply-accumulates, and the command that lists what there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from fashionlab.common.errors import UsageError
from fashionlab.models import MODELS, argument_names, build, check_arguments, count_macs, count_parameters

SIZE: dict[str, Any] = {"classes": 10, "channels": 1, "image_size": 28}


def slow_macs(model: nn.Module, shape: tuple[int, int, int]) -> int:
    """Multiply-accumulates of convolutions and linear layers, from the shapes that pass by."""
    total = 0

    def convolution(layer: nn.Conv2d, _: Any, output: torch.Tensor) -> None:
        nonlocal total
        kernel = layer.kernel_size[0] * layer.kernel_size[1]
        total += output[0].numel() * layer.in_channels // layer.groups * kernel

    def linear(layer: nn.Linear, _: Any, output: torch.Tensor) -> None:
        nonlocal total
        total += output[0].numel() * layer.in_features

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(convolution)
        elif isinstance(layer, nn.Linear):
            layer.register_forward_hook(linear)
    with torch.no_grad():
        model.eval()(torch.zeros(1, *shape))
    return total


@pytest.mark.parametrize("name", ["logistic", "ablation-main", "deep-cnn", "se-resnet20", "wide-resnet", "mobilenetv2"])
def test_macs_equal_a_slow_count(name: str) -> None:
    assert count_macs(build(name, **SIZE), (1, 28, 28)) == slow_macs(build(name, **SIZE), (1, 28, 28))


def test_macs_of_attention_are_those_of_its_two_products() -> None:
    tokens, dim, depth = 50, 96, 6
    attention = depth * 2 * tokens**2 * dim
    assert count_macs(build("vit", **SIZE), (1, 28, 28)) == slow_macs(build("vit", **SIZE), (1, 28, 28)) + attention


def test_counting_leaves_the_network_as_it_was() -> None:
    model = build("ablation-main", **SIZE)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    count_macs(model, (1, 28, 28))
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_an_unknown_network_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown model 'three-cn'; did you mean 'three-cnn'"):
        build("three-cn", **SIZE)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("three-cnn", {"hidden_unit": 20}, "'hidden_unit'; did you mean 'hidden_units'"),
        ("three-cnn", {"hidden_units": 0}, "hidden_units = 0"),
        ("three-cnn", {"hidden_units": "many"}, "hidden_units = 'many'"),
        ("ablation-main", {"dropout": 1.0}, "dropout = 1.0"),
        ("ablation-main", {"dropout": -0.1}, "dropout = -0.1"),
        ("fast", {"widths": [64, -1]}, "widths"),
        ("fast", {"widths": []}, "at least one width"),
        ("fast", {"widths": [8] * 5}, "image_size 28"),
        ("fast", {"whitening_width": 9}, "even and at most 8"),
        ("fast", {"whitening_width": 10}, "even and at most 8"),
        ("wide-resnet", {"depth": 17}, "6n \\+ 4"),
        ("vit", {"patch": 5}, "multiple of patch 5"),
        ("vit", {"heads": 5}, "multiple of heads 5"),
        ("cct", {"heads": 3}, "multiple of heads 3"),
        ("mobilenetv2", {"input_channels": 2}, "input_channels 2"),
        ("mobilenetv2", {"resize": 5}, "resize 5"),
    ],
)
def test_a_bad_argument_is_named(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build(name, **SIZE, **arguments)


def test_a_colour_picture_does_not_fit_a_grey_network() -> None:
    with pytest.raises(UsageError, match="input_channels 1 for pictures with 3 channels"):
        build("mobilenetv2", classes=10, channels=3, image_size=28, input_channels=1)


def test_arguments_come_back_with_defaults_and_the_right_types() -> None:
    assert check_arguments("fast", {"widths": [32, 64]})["widths"] == (32, 64)
    assert check_arguments("ablation-main", {}) == {"dropout": 0.25, "filters": 32}
    assert argument_names("logistic") == []


def test_arguments_change_the_network() -> None:
    plain, wide = build("three-cnn", **SIZE), build("three-cnn", **SIZE, hidden_units=20)
    assert count_parameters(wide) > count_parameters(plain)
    no_dropout = build("ablation-main", **SIZE, dropout=0)
    assert [layer.p for layer in no_dropout.modules() if isinstance(layer, nn.Dropout)] == [0]


def test_list_models_shows_every_card(cli: Callable[..., Any]) -> None:
    result = cli("list", "models", "--json")
    assert result.code == 0
    rows = {row["name"]: row for row in json.loads(result.out)["models"]}
    assert sorted(rows) == MODELS.names()
    card = MODELS["resnet20"].card
    assert rows["resnet20"]["parameters"] == card.parameters
    assert rows["resnet20"]["macs"] == card.macs
    assert rows["resnet20"]["arguments"] == argument_names("resnet20")
    table = cli("list", "models").out
    assert all(name in table for name in MODELS)


@pytest.mark.parametrize("kind", ["recipes", "augmentations", "datasets"])
def test_list_shows_the_other_registries(cli: Callable[..., Any], kind: str) -> None:
    result = cli("list", kind, "--json")
    assert result.code == 0
    rows = json.loads(result.out)[kind]
    assert rows
    assert all(row["name"] and row["description"] for row in rows)
    table = cli("list", kind).out
    assert all(row["name"] in table for row in rows)


def test_list_of_something_unknown_names_the_nearest(cli: Callable[..., Any]) -> None:
    result = cli("list", "model")
    assert result.code == 2
    assert "did you mean 'models'" in result.err
