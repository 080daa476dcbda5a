"""Graphs in 8-bit integers: what is rounded, what one scale for all channels costs, and which layers are kept."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from fashionlab.common.records import PictureSet
from fashionlab.deploy import graph
from fashionlab.deploy.quantize import ADDITION, DEPTHWISE, Quantizer
from fashionlab.deploy.sensitivity import accuracy, layer_losses, layers_to_keep
from fashionlab.deploy.session import Session
from fashionlab.runs.folder import ModelSpec

CLASSES = tuple("abcdefghij")


class Uneven(nn.Module):
    """A network with a residual and a depthwise convolution; what that gives to half of the channels is a thousand
    times as large as what it gives to the others, which the next layer makes good."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.inner = nn.Conv2d(1, 16, 3, 2, 1), nn.Conv2d(16, 16, 3, 1, 1)
        self.depthwise, self.last = nn.Conv2d(16, 16, 3, 1, 1, groups=16), nn.Conv2d(16, 16, 1)
        self.head = nn.Linear(16, 10)
        with torch.no_grad():
            self.depthwise.weight[::2] *= 1000
            self.depthwise.bias[::2] *= 1000
            self.last.weight[:, ::2] /= 1000

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.first(images).relu()
        x = x + self.inner(x).relu()
        return self.head(self.last(self.depthwise(x)).relu().mean((2, 3)) * 100)


def pictures(n: int) -> np.ndarray:
    draw = np.random.default_rng(0)
    coarse = draw.integers(0, 256, (n, 1, 7, 7), dtype=np.uint8)
    return coarse.repeat(4, axis=2).repeat(4, axis=3)


@pytest.fixture(scope="module")
def quantizer() -> Quantizer:
    torch.manual_seed(0)
    network = Uneven()
    spec = ModelSpec("uneven", {}, CLASSES, 1, 28, (0.5,), (0.5,), 1)
    return Quantizer(graph.to_onnx(graph.to_program(graph.Deployed(network, spec))), pictures(64))


@pytest.fixture(scope="module")
def validation(quantizer: Quantizer) -> PictureSet:
    """Pictures labelled as the network answers in float32."""
    images = pictures(200)
    return PictureSet(images, Session(quantizer.float32, 1).ask(images)[0].argmax(axis=1), CLASSES, "blocks")


def operators(content: bytes, name: str) -> list[str]:
    """The operators that give the inputs of the node `name`."""
    model = onnx.load_from_string(content)
    makers = {output: node.op_type for node in model.graph.node for output in node.output}
    node = next(node for node in model.graph.node if node.name == name)
    return [makers.get(one, "") for one in node.input[:2]]


def test_layers_are_told_by_kind_without_the_first_and_the_last(quantizer: Quantizer) -> None:
    assert sorted(quantizer.layers.values()) == sorted([ADDITION, "convolution", "convolution", DEPTHWISE])


def test_layers_that_are_kept_compute_in_float32(quantizer: Quantizer) -> None:
    depthwise = next(name for name, kind in quantizer.layers.items() if kind == DEPTHWISE)
    assert operators(quantizer.quantized(), depthwise) == ["DequantizeLinear"] * 2
    assert "DequantizeLinear" not in operators(quantizer.quantized([depthwise]), depthwise)[1:]
    images = pictures(8)
    whole = Session(quantizer.quantized(quantizer.layers), 1).ask(images)[0]
    np.testing.assert_allclose(whole, Session(quantizer.float32, 1).ask(images)[0], rtol=1e-4, atol=1e-4)


def test_nodes_stand_in_the_order_that_simple_readers_need(quantizer: Quantizer) -> None:
    onnx.checker.check_model(onnx.load_from_string(quantizer.quantized()), full_check=True)


def test_one_scale_for_all_channels_costs_what_a_scale_a_channel_saves(
        quantizer: Quantizer, validation: PictureSet) -> None:
    truth = Session(quantizer.float32, 1).ask(validation.images)[0]
    errors = {per_channel: np.abs(Session(quantizer.quantized(per_channel=per_channel), 1).ask(
        validation.images)[0] - truth).mean() for per_channel in (True, False)}
    assert errors[True] < errors[False]


def test_the_layer_that_was_harmed_loses_most_and_is_kept(quantizer: Quantizer, validation: PictureSet) -> None:
    """The depthwise layer's output has one scale: of its small channels nothing is left. So has what reads it."""
    losses = layer_losses(quantizer, validation.images[:64])
    assert [one.error for one in losses] == sorted((one.error for one in losses), reverse=True)
    assert {one.kind for one in losses[:2]} <= {DEPTHWISE, "convolution"} and losses[0].error > 10 * losses[-1].error
    whole = accuracy(quantizer.quantized(), validation)
    assert whole < 0.99, "the network is no test of this"
    kept = layers_to_keep(quantizer, validation, points=0.5)
    assert kept == [one.layer for one in losses[: len(kept)]] and 1 <= len(kept) <= 2
    assert accuracy(quantizer.quantized(kept), validation) > whole


def test_nothing_is_kept_where_nothing_is_lost(quantizer: Quantizer, validation: PictureSet) -> None:
    assert layers_to_keep(quantizer, validation, points=100.0) == []
