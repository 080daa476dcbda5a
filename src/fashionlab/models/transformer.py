"""Small transformers: the compact convolutional transformer and a plain vision transformer."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fashionlab.common.errors import UsageError
from fashionlab.models.catalog import Card, Count, Positive, Rate, register


class SelfAttention(nn.Module):
    """Multi-head self-attention over tokens [B, T, D]."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query_key_value = nn.Linear(dim, 3 * dim, bias=False)
        self.project = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, dim = x.shape
        split = self.query_key_value(x).view(batch, tokens, 3, self.heads, dim // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=self.dropout if self.training else 0.0)
        return self.project(mixed.transpose(1, 2).reshape(batch, tokens, dim))


class Block(nn.Module):
    """Pre-norm transformer block; each of its two branches is dropped for a picture with probability `drop_path`."""

    def __init__(self, dim: int, heads: int, mlp_ratio: float, dropout: float, drop_path: float) -> None:
        super().__init__()
        hidden = int(dim * mlp_ratio)
        self.drop_path = drop_path
        self.attention = nn.Sequential(nn.LayerNorm(dim), SelfAttention(dim, heads, dropout))
        self.mlp = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))

    def _sometimes(self, branch: Tensor) -> Tensor:
        """Stochastic depth (Huang et al. 2016), scaled so that the expectation stays."""
        if not self.training or not self.drop_path:
            return branch
        return branch * F.dropout(branch.new_ones(branch.shape[0], 1, 1), self.drop_path)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._sometimes(self.attention(x))
        return x + self._sometimes(self.mlp(x))


def _blocks(depth: int, dim: int, heads: int, mlp_ratio: float, dropout: float, drop_path: float) -> nn.Sequential:
    """`depth` blocks whose drop_path rises linearly from 0 to `drop_path`, then a layer norm."""
    rates = torch.linspace(0, drop_path, depth).tolist()
    return nn.Sequential(*(Block(dim, heads, mlp_ratio, dropout, rate) for rate in rates), nn.LayerNorm(dim))


def _initialise(model: nn.Module) -> None:
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)


def _check_heads(name: str, dim: int, heads: int) -> None:
    if dim % heads:
        raise UsageError(f"model {name!r}: dim {dim} must be a multiple of heads {heads}")


class CompactConvolutionalTransformer(nn.Module):
    """Convolutions make the tokens, attention over the tokens' outputs pools them: no patches, no class token."""

    def __init__(
        self, classes: int, channels: int, image_size: int, tokenizer_layers: int, dim: int, blocks: nn.Sequential
    ) -> None:
        super().__init__()
        widths = [channels] + [64] * (tokenizer_layers - 1) + [dim]
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)]
            image_size = (image_size + 1) // 2
        self.tokenizer = nn.Sequential(*layers)
        self.blocks = blocks
        self.pool = nn.Linear(dim, 1)
        self.head = nn.Linear(dim, classes)
        _initialise(self)
        self.position = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, image_size**2, dim), std=0.2))

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.blocks(self.tokenizer(images).flatten(2).transpose(1, 2) + self.position)
        weights = self.pool(tokens).softmax(1)
        return self.head((weights.transpose(1, 2) @ tokens).squeeze(1))


@register("cct", Card(
    description="compact convolutional transformer, CCT-4/3x2: convolutions make 49 tokens, four blocks",
    source="Hassani et al. 2021, Escaping the Big Data Paradigm (arXiv:2104.05704)",
    parameters=479_051, macs=36_642_304, smallest=4,
))
def cct(
    *, classes: int, channels: int, image_size: int, tokenizer_layers: Count = 2, dim: Count = 128, depth: Count = 4,
    heads: Count = 2, mlp_ratio: Positive = 1.0, dropout: Rate = 0.1, drop_path: Rate = 0.1,
) -> nn.Module:
    """dropout: of attention weights. drop_path: stochastic depth of the last block.

    Raises UsageError unless heads divides dim.
    """
    _check_heads("cct", dim, heads)
    blocks = _blocks(depth, dim, heads, mlp_ratio, dropout, drop_path)
    return CompactConvolutionalTransformer(classes, channels, image_size, tokenizer_layers, dim, blocks)


class VisionTransformer(nn.Module):
    """Linear patch embedding, learned positions, a class token whose output is classified."""

    def __init__(
        self, classes: int, channels: int, image_size: int, patch: int, dim: int, blocks: nn.Sequential
    ) -> None:
        super().__init__()
        self.embed = nn.Conv2d(channels, dim, patch, patch)
        self.blocks = blocks
        self.head = nn.Linear(dim, classes)
        _initialise(self)
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim))
        tokens = (image_size // patch) ** 2 + 1
        self.position = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, tokens, dim), std=0.02))

    def forward(self, images: Tensor) -> Tensor:
        patches = self.embed(images).flatten(2).transpose(1, 2)
        tokens = torch.cat((self.class_token.expand(images.shape[0], -1, -1), patches), 1)
        return self.head(self.blocks(tokens + self.position)[:, 0])


@register("vit", Card(
    description="small vision transformer: 4x4 patches, six blocks of width 96",
    source="Dosovitskiy et al. 2021, An Image is Worth 16x16 Words (arXiv:2010.11929), scaled down",
    parameters=454_666, macs=25_074_624, smallest=4,
))
def vit(
    *, classes: int, channels: int, image_size: int, patch: Count = 4, dim: Count = 96, depth: Count = 6,
    heads: Count = 3, mlp_ratio: Positive = 2.0, dropout: Rate = 0.0, drop_path: Rate = 0.0,
) -> nn.Module:
    """patch: side in pixels. dropout: of attention weights.

    Raises UsageError unless patch divides image_size and heads divides dim.
    """
    _check_heads("vit", dim, heads)
    if image_size % patch:
        raise UsageError(f"model 'vit': image_size {image_size} must be a multiple of patch {patch}")
    return VisionTransformer(
        classes, channels, image_size, patch, dim, _blocks(depth, dim, heads, mlp_ratio, dropout, drop_path)
    )
