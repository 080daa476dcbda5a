"""The fast network of recipe `quick`, after airbench94 (Jordan 2024, arXiv:2404.00498).

What differs: one input channel, so fewer whitening filters, and pictures of 28x28 (28 -> 27 -> 13 -> 6 -> 3 -> 1).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fashionlab.common.errors import UsageError
from fashionlab.models.catalog import Card, Count, Positive, Rate, register
from fashionlab.models.pruning import Link


class Whitening(nn.Module):
    """A frozen convolution without padding that decorrelates k x k patches; only its bias is trained.

    Pictures [B, C, H, W] to [B, width, H-k+1, W-k+1], half of the filters being the others' negatives.
    Always computed in float32: the filters divide by small deviations, which bfloat16 would round away, and bfloat16
    convolutions of one channel with a 2x2 kernel have returned wrong sizes. The answer is made channels-last because
    the layout of a one-channel picture is ambiguous, and the convolutions that follow are slow in the other one.
    """

    def __init__(self, channels: int, kernel: int, width: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.weight = nn.Parameter(torch.empty(width, channels, kernel, kernel), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(width))
        nn.init.kaiming_uniform_(self.weight)

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):
            whitened = F.conv2d(images.float(), self.weight, self.bias)
        return whitened.contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def initialise_from(self, images: Tensor, epsilon: float) -> None:
        """Set the filters from the patches of `images` [N, C, H, W]: eigenvectors over sqrt(eigenvalue + epsilon)."""
        size = self.weight[0].numel()
        products = torch.zeros(size, size, dtype=torch.float64, device=images.device)
        patches_seen = 0
        for chunk in images.split(500):  # bounds the memory that the patches take
            patches = F.unfold(chunk.float(), self.kernel).transpose(1, 2).reshape(-1, size).double()
            products += patches.T @ patches
            patches_seen += len(patches)
        values, vectors = torch.linalg.eigh(products / patches_seen)  # ascending
        filters = (vectors / (values + epsilon).sqrt()).T.flip(0)[: len(self.weight) // 2]
        self.weight.copy_(torch.cat((filters, -filters)).view_as(self.weight))


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3x3 convolution whose first filters pass their input on, so that a deep stack trains from the first step."""
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    nn.init.dirac_(convolution.weight.data[:inputs])
    return convolution


def _normalisation(width: int, momentum: float) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(width, momentum=momentum)
    norm.weight.requires_grad_(False)
    return norm


class Group(nn.Module):
    """conv - maxpool 2 - BN - GELU - conv - BN - GELU; with depth 3 another conv - BN and a residual connection."""

    def __init__(self, inputs: int, outputs: int, depth: int, momentum: float) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            _convolution(inputs if i == 0 else outputs, outputs) for i in range(depth)
        )
        self.norms = nn.ModuleList(_normalisation(outputs, momentum) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.norms[0](F.max_pool2d(self.convolutions[0](x), 2)))
        start = x
        x = F.gelu(self.norms[1](self.convolutions[1](x)))
        if len(self.convolutions) == 3:
            x = F.gelu(self.norms[2](self.convolutions[2](x)) + start)
        return x


class FastNetwork(nn.Module):
    """Whitening, groups, global max-pooling, a linear layer, scaled logits. Call `initialise_from` before training."""

    def __init__(
        self, classes: int, channels: int, widths: tuple[int, ...], depth: int, whitening_kernel: int,
        whitening_width: int, whitening_epsilon: float, bn_momentum: float, logit_scale: float,
    ) -> None:
        super().__init__()
        self.whitening_epsilon = whitening_epsilon
        self.logit_scale = logit_scale
        self.whitening = Whitening(channels, whitening_kernel, whitening_width)
        inputs = (whitening_width, *widths[:-1])
        self.groups = nn.Sequential(*(Group(i, o, depth, bn_momentum) for i, o in zip(inputs, widths, strict=True)))
        self.head = nn.Linear(widths[-1], classes, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        x = self.groups(F.gelu(self.whitening(images)))
        return self.head(F.adaptive_max_pool2d(x, 1).flatten(1)) * self.logit_scale

    def initialise_from(self, images: Tensor) -> None:
        """Compute the whitening filters from training pictures: float [N, C, H, W], normalised as in training."""
        self.whitening.initialise_from(images, self.whitening_epsilon)

    def links(self) -> list[Link]:
        """The chain of layers for pruning."""
        links = []
        for i, group in enumerate(self.groups):
            first = len(links)
            links += [Link(f"groups.{i}.convolutions.{j}", f"groups.{i}.norms.{j}", first if j == 2 else None)
                      for j in range(len(group.convolutions))]  # type: ignore[arg-type]
        return [*links, Link("head")]


@register("fast", Card(
    description="the network of recipe `quick`: frozen whitening, three groups of two convolutions, Dirac start",
    source="airbench94 (Jordan 2024, arXiv:2404.00498), adapted to one channel and 28x28",
    parameters=1_151_784, macs=43_308_832, smallest=9, width="widths",
))
def fast(
    *, classes: int, channels: int, image_size: int, widths: tuple[Count, ...] = (64, 128, 256),
    depth: Literal[2, 3] = 2, whitening_kernel: Literal[2, 3] = 2, whitening_width: Count | None = None,
    whitening_epsilon: Positive = 5e-4, bn_momentum: Rate = 0.4, logit_scale: Positive = 1 / 9,
) -> nn.Module:
    """widths: channels of each group. depth: convolutions a group. whitening_width: filters, None for all there are."""
    most = 2 * channels * whitening_kernel**2
    width = most if whitening_width is None else whitening_width
    if width > most or width % 2:
        raise UsageError(f"model 'fast': whitening_width {width} must be even and at most {most} "
                         f"(2 x {channels} channels x {whitening_kernel} x {whitening_kernel})")
    smallest = 2 ** len(widths) + whitening_kernel - 1
    if not widths or image_size < smallest:
        raise UsageError(f"model 'fast': image_size {image_size} with widths {list(widths)}; "
                         f"expected {smallest} or more, and at least one width")
    return FastNetwork(
        classes, channels, widths, depth, whitening_kernel, width, whitening_epsilon, bn_momentum, logit_scale
    )
