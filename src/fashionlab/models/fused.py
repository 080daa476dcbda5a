"""A network of timm's EfficientNet family as CPUs fine-tune it fastest: the same function of the same parameters, with
other steps on the way.

Two things take most of the time of the plain network. PyTorch computes gradients of depthwise convolutions many times
slower than the convolutions themselves (0.5 to 3 GFLOP/s, worse in bfloat16); that of the input is a convolution too,
of the output's gradient with the kernel turned by 180 degrees. And batch normalisation with fixed statistics goes
through all values twice more, where it could be part of the weights before it. benchmarks/fine_tuning.py measures both.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight

# A convolution's attribute and that of the normalisation behind it, by the class of timm that has them.
_PAIRS = {
    "EfficientNet": (("conv_stem", "bn1"), ("conv_head", "bn2")),
    "ConvBnAct": (("conv", "bn1"),),
    "EdgeResidual": (("conv_exp", "bn1"), ("conv_pwl", "bn2")),
    "DepthwiseSeparableConv": (("conv_dw", "bn1"), ("conv_pw", "bn2")),
    "InvertedResidual": (("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3")),
}


def fused(model: nn.Module) -> nn.Module:
    """A second network over the same parameters and statistics as `model`, which computes what `model` does while all
    of its batch normalisation is fixed; `model` itself where some of that is behind no convolution."""
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    twin = copy.deepcopy(model, shared)
    for block, conv_name, norm_name in list(_pairs(twin)):
        setattr(block, conv_name, _FusedConv(getattr(block, conv_name), getattr(block, norm_name)))
        setattr(block, norm_name, nn.Identity())
    fused_norms = sum(isinstance(layer, _FusedConv) for layer in twin.modules())
    return twin if fused_norms == sum(isinstance(layer, nn.BatchNorm2d) for layer in model.modules()) else model


def depthwise_parameters(model: nn.Module) -> set[nn.Parameter]:
    """Those of the depthwise convolutions and of the normalisation behind each."""
    pairs = ((getattr(block, conv), getattr(block, norm)) for block, conv, norm in _pairs(model))
    return {one for conv, norm in pairs if conv.groups > 1 for one in (*conv.parameters(), *norm.parameters())}


def _pairs(model: nn.Module) -> Iterator[tuple[nn.Module, str, str]]:
    """A block, and the attributes of a convolution and of the normalisation behind it."""
    for block in model.modules():
        for conv_name, norm_name in _PAIRS.get(type(block).__name__, ()):
            yield block, conv_name, norm_name


class _FusedConv(nn.Module):
    """A convolution, the fixed normalisation behind it and that one's activation."""

    def __init__(self, conv: nn.Conv2d, norm: nn.Module) -> None:
        super().__init__()
        self.conv = conv
        self.norm: Any = norm  # timm's BatchNormAct2d
        self._pads_itself = type(conv).__name__ == "Conv2dSame"  # as TensorFlow does, by the picture's size
        self._depthwise = conv.groups == conv.in_channels == conv.out_channels > 1 and conv.dilation == (1, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        conv, norm = self.conv, self.norm
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        weight, bias = conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale
        padding: Any = conv.padding
        if self._pads_itself:
            from timm.layers.padding import pad_same

            size, stride, dilation = (list(pair) for pair in (conv.kernel_size, conv.stride, conv.dilation))
            pictures, padding = pad_same(pictures, size, stride, dilation), (0, 0)
        if self._depthwise and pictures.device.type == "cpu":
            kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else pictures.dtype
            values = _depthwise(pictures.to(kind), weight.to(kind), bias.to(kind), conv.stride, padding)
        else:
            values = F.conv2d(pictures, weight, bias, conv.stride, padding, conv.dilation, conv.groups)
        return norm.act(norm.drop(values))


def _depthwise(pictures: Tensor, weight: Tensor, bias: Tensor, stride: Any, padding: Any) -> Tensor:
    return cast(Tensor, _Depthwise.apply(pictures, weight, bias, stride, padding))


class _Depthwise(Function):
    """A depthwise convolution whose input's gradient is computed as a convolution.

    pictures [B, C, H, W], weight [C, 1, K, L], bias [C]; stride and padding, rows and columns.
    """

    @staticmethod
    def forward(ctx: Any, pictures: Tensor, weight: Tensor, bias: Tensor, stride: tuple[int, int],
                padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(pictures, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(pictures, weight, bias, stride, padding, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        pictures, weight = ctx.saved_tensors
        (gradient,) = gradients
        of_input = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_input = _gradient_of_input(gradient, weight, pictures.shape, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[1]:
            of_weight = conv2d_weight(pictures, weight.shape, gradient, ctx.stride, ctx.padding, 1, len(weight))
        if ctx.needs_input_grad[2]:
            of_bias = gradient.sum((0, 2, 3))
        return of_input, of_weight, of_bias, None, None


def _gradient_of_input(gradient: Tensor, weight: Tensor, shape: torch.Size, stride: tuple[int, int],
                       padding: tuple[int, int]) -> Tensor:
    """float [B, C, H, W] = `shape`: every value of the output's gradient, put back to where its window began, goes
    through the turned kernel."""
    rows, columns = weight.shape[2:]
    if stride != (1, 1):
        size = (*gradient.shape[:2], shape[2] + 2 * padding[0] - rows + 1, shape[3] + 2 * padding[1] - columns + 1)
        spread = torch.zeros(size, dtype=gradient.dtype).to(memory_format=torch.channels_last)
        spread[:, :, :: stride[0], :: stride[1]] = gradient
        gradient = spread
    return F.conv2d(gradient.contiguous(memory_format=torch.channels_last), weight.flip(2, 3),
                    padding=(rows - 1 - padding[0], columns - 1 - padding[1]), groups=len(weight))
