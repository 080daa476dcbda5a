"""Residual networks for small pictures: ResNet-20, its squeeze-and-excitation variant, wide residual networks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from fashionlab.common.errors import UsageError
from fashionlab.models.catalog import Card, Count, Rate, register


def _conv3x3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return convolution


class SqueezeExcitation(nn.Module):
    """Scales each channel of [B, C, H, W] by a gate in (0, 1) computed from all channels' means (Hu et al. 2018).

    With SiLU where the paper has ReLU: with two hidden units, ReLU leaves some gates dead from the start.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, hidden), nn.SiLU(), nn.Linear(hidden, channels),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x).unflatten(1, (-1, 1, 1))  # not [:, :, None, None], which OpenCV cannot read


class BasicBlock(nn.Module):
    """conv - BN - ReLU - conv - BN (- SE), added to the input, ReLU.

    Where the size changes the shortcut drops pixels and pads channels with zeros (option A of He et al. 2015), which
    costs no parameters and is what the paper's networks for small pictures use. Without `shortcuts` nothing is added.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, reduction: int | None, shortcuts: bool) -> None:
        super().__init__()
        self.stride, self.extra, self.shortcuts = stride, outputs - inputs, shortcuts
        self.branch = nn.Sequential(
            _conv3x3(inputs, outputs, stride), nn.BatchNorm2d(outputs), nn.ReLU(),
            _conv3x3(outputs, outputs), nn.BatchNorm2d(outputs),
            *([SqueezeExcitation(outputs, reduction)] if reduction else []),
        )

    def forward(self, x: Tensor) -> Tensor:
        if not self.shortcuts:
            return F.relu(self.branch(x))
        shortcut = x
        if self.extra or self.stride > 1:
            before = self.extra // 2
            shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.extra - before))
        return F.relu(self.branch(x) + shortcut)


def _resnet20(classes: int, channels: int, reduction: int | None = None, shortcuts: bool = True) -> nn.Module:
    layers: list[nn.Module] = [_conv3x3(channels, 16), nn.BatchNorm2d(16), nn.ReLU()]
    inputs = 16
    for width in (16, 32, 64):
        for i in range(3):
            layers.append(BasicBlock(inputs, width, 2 if i == 0 and width > 16 else 1, reduction, shortcuts))
            inputs = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))


@register("resnet20", Card(
    description="ResNet-20 for small pictures: widths 16, 32, 64",
    source="He et al. 2015, Deep Residual Learning (arXiv:1512.03385), section 4.2",
    parameters=269_434, macs=30_821_248, smallest=4,
))
def resnet20(*, classes: int, channels: int, image_size: int, shortcuts: bool = True) -> nn.Module:
    """The smallest network of the paper's CIFAR-10 family; about 0.27 M parameters, as there.

    shortcuts: False gives the paper's plain network of the same depth, to show what the shortcuts bring.
    """
    return _resnet20(classes, channels, shortcuts=shortcuts)


@register("se-resnet20", Card(
    description="ResNet-20 with squeeze-and-excitation in every block",
    source="Hu et al. 2018, Squeeze-and-Excitation Networks (arXiv:1709.01507)",
    parameters=273_844, macs=30_825_280, smallest=4,
))
def se_resnet20(*, classes: int, channels: int, image_size: int, reduction: Count = 8) -> nn.Module:
    """reduction: channels over hidden units of a gate. The paper's 16 would leave a single unit for 16 channels."""
    return _resnet20(classes, channels, reduction)


class WideBlock(nn.Module):
    """BN - ReLU - conv - BN - ReLU - dropout - conv, added to the input; the first block of a group projects it."""

    def __init__(self, inputs: int, outputs: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.start = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU())
        self.branch = nn.Sequential(
            _conv3x3(inputs, outputs, stride), nn.BatchNorm2d(outputs), nn.ReLU(), nn.Dropout(dropout),
            _conv3x3(outputs, outputs),
        )
        self.project = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs else None
        if self.project is not None:
            nn.init.kaiming_normal_(self.project.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        started = self.start(x)
        shortcut = x if self.project is None else self.project(started)
        return self.branch(started) + shortcut


@register("wide-resnet", Card(
    description="wide residual network, WRN-16-4 unless depth and width say otherwise",
    source="Zagoruyko and Komodakis 2016, Wide Residual Networks (arXiv:1605.07146)",
    parameters=2_748_602, macs=300_368_640, smallest=4,
))
def wide_resnet(
    *, classes: int, channels: int, image_size: int, depth: Annotated[int, Field(ge=10)] = 16,
    width: Annotated[int, Field(ge=2)] = 4, dropout: Rate = 0.0,
) -> nn.Module:
    """depth: 6n + 4, n blocks in each of three groups. width: factor on 16, 32, 64. dropout: inside the blocks.

    Raises UsageError for a depth that is not 6n + 4.
    """
    blocks, rest = divmod(depth - 4, 6)
    if rest:
        raise UsageError(f"model 'wide-resnet': depth {depth} must be 6n + 4, e.g. 10, 16, 22, 28, 40")
    layers: list[nn.Module] = [_conv3x3(channels, 16)]
    inputs = 16
    for i, base in enumerate((16, 32, 64)):
        for j in range(blocks):
            layers.append(WideBlock(inputs, base * width, 2 if i and j == 0 else 1, dropout))
            inputs = base * width
    return nn.Sequential(
        *layers, nn.BatchNorm2d(inputs), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes)
    )
