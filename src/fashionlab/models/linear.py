"""Networks without convolutions: the linear and fully connected ones of the reference systems."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from fashionlab.models.catalog import Card, Count, Rate, register

SYSTEM_001 = "reference system 001 (001_b66cf1485bd7f7c5.txt)"
SYSTEM_002 = "reference system 002 (002_42d02b34af2b11fc.txt)"
SYSTEM_004 = "reference system 004 (004_6dd8da4a79db1f49.txt)"


@register("logistic", Card(
    description="multinomial logistic regression on the pixels", source=SYSTEM_001, parameters=7_850, macs=7_840,
))
def logistic(*, classes: int, channels: int, image_size: int) -> nn.Module:
    """One linear layer: the baseline of `ablation-logistic`."""
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * image_size**2, classes))


# 002 does not give hidden_units; 10 is what the tutorial that its code follows takes.
@register("three-linear", Card(
    description="two linear layers with nothing between them: a linear model of low rank",
    source=f"{SYSTEM_002}, model V0", parameters=7_960, macs=7_940, width="hidden_units",
))
def three_linear(*, classes: int, channels: int, image_size: int, hidden_units: Count = 10) -> nn.Module:
    """V0 of system 002; hidden_units is our choice, the text gives none."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(channels * image_size**2, hidden_units), nn.Linear(hidden_units, classes)
    )


@register("three-mlp", Card(
    description="one hidden layer, and a ReLU on the logits as published",
    source=f"{SYSTEM_002}, model V1", parameters=7_960, macs=7_940, width="hidden_units",
    weakness="a logit that the ReLU cuts off gets no gradient: some classes are never learned, whatever the seed",
))
def three_mlp(*, classes: int, channels: int, image_size: int, hidden_units: Count = 10) -> nn.Module:
    """V1 of system 002, its ReLU after the last layer included; `three-mlp-fixed` is the twin without."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(channels * image_size**2, hidden_units), nn.ReLU(), nn.Linear(hidden_units, classes),
        nn.ReLU(),
    )


@register("three-mlp-fixed", Card(
    description="three-mlp without the ReLU on the logits",
    source=f"{SYSTEM_002}, model V1, mended", parameters=7_960, macs=7_940, width="hidden_units",
))
def three_mlp_fixed(*, classes: int, channels: int, image_size: int, hidden_units: Count = 10) -> nn.Module:
    """V1 of system 002 with the logits left free, to show what its last ReLU costs."""
    return _mlp(channels * image_size**2, (hidden_units,), classes, dropout=0)


@register("notebook-mlp", Card(
    description="three hidden layers with ReLU and dropout",
    source=f"{SYSTEM_004}, feed-forward network", parameters=567_434, macs=566_528,
))
def notebook_mlp(
    *, classes: int, channels: int, image_size: int, hidden: tuple[Count, ...] = (512, 256, 128), dropout: Rate = 0.2
) -> nn.Module:
    """System 004 speaks of several hidden layers and dropout; how many, how wide and how much are our choice."""
    return _mlp(channels * image_size**2, hidden, classes, dropout)


def _mlp(inputs: int, hidden: Sequence[int], classes: int, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    for width in hidden:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        if dropout:
            layers.append(nn.Dropout(dropout))
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, classes))
