"""The fused network against the plain one, and its depthwise gradients against PyTorch's."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from fashionlab.models.catalog import build
from fashionlab.models.fused import _Depthwise, fused

BACKBONES = ["efficientnet-lite0", "efficientnet-b0", "mobilenetv2", "resnet50v2"]


@given(st.integers(1, 3), st.integers(2, 5), st.integers(5, 12), st.integers(5, 12), st.sampled_from([1, 3, 5]),
       st.integers(1, 2), st.integers(0, 10**6))
def test_depthwise_gradients_are_pytorchs(b: int, c: int, h: int, w: int, kernel: int, stride: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    shapes = ((b, c, h, w), (c, 1, kernel, kernel), (c,))
    inputs = [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]
    padding = kernel // 2
    ours = _Depthwise.apply(*inputs, (stride, stride), (padding, padding))
    theirs = F.conv2d(*inputs, stride, padding, 1, c)
    torch.testing.assert_close(ours, theirs)
    upstream = torch.randn(theirs.shape, generator=generator, dtype=torch.float64)
    for one, other in zip(torch.autograd.grad(ours, inputs, upstream), torch.autograd.grad(theirs, inputs, upstream),
                          strict=True):
        torch.testing.assert_close(one, other)


def _network(name: str, side: int = 45) -> nn.Module:
    torch.manual_seed(0)
    network = build(name, classes=5, channels=3, image_size=side, dropout=0.0).double().eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.running_mean is not None and layer.running_var is not None
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
            nn.init.normal_(layer.bias, 0, 0.1)
    return network


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("side", [45, 64])
def test_the_same_answers_and_gradients(name: str, side: int) -> None:
    network = _network(name, side)
    pictures = torch.randn(2, 3, side, side, dtype=torch.float64)
    expected = network(pictures)
    expected.square().sum().backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    network.zero_grad(set_to_none=True)
    twin = fused(network)
    assert (twin is network) == (name == "resnet50v2")  # whose normalisation comes before the convolutions
    answers = twin(pictures)
    torch.testing.assert_close(answers, expected)
    answers.square().sum().backward()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], msg=name, rtol=1e-6, atol=1e-9)


def test_it_is_for_fixed_statistics_only() -> None:
    """In training mode the twin keeps what the plain network would replace by the batch's own statistics."""
    network, pictures = _network("efficientnet-lite0"), torch.randn(2, 3, 45, 45, dtype=torch.float64)
    torch.testing.assert_close(fused(network).train()(pictures), network(pictures))


def test_it_learns_what_the_network_learns() -> None:
    """One set of parameters: a step with the gradients of one changes the answers of both."""
    network = _network("efficientnet-lite0")
    twin, pictures = fused(network), torch.randn(2, 3, 45, 45, dtype=torch.float64)
    assert {id(one) for one in twin.parameters()} == {id(one) for one in network.parameters()}
    before = network(pictures).detach()
    twin(pictures).square().sum().backward()
    torch.optim.SGD(network.parameters(), lr=1e-3).step()
    assert not torch.allclose(network(pictures), before)
    torch.testing.assert_close(twin(pictures), network(pictures))
    assert sorted(network.state_dict()) == sorted(_network("efficientnet-lite0").state_dict())
