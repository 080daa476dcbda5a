"""The plain convolutional networks of the reference systems. PyTorch's default initialisation unless said otherwise.

Where a text has ReLU and then pooling, the pooling comes first here: a maximum and a ReLU can change places without a
bit of the result changing, and the ReLU then works on a quarter of the values.
"""

from __future__ import annotations

from torch import nn

from fashionlab.models.catalog import Card, Count, Rate, register


@register("three-cnn", Card(
    description="two blocks of conv-ReLU-conv-ReLU-pool (TinyVGG)",
    source="reference system 002 (002_42d02b34af2b11fc.txt), model V2", parameters=7_740, macs=1_133_860, smallest=4,
    width="hidden_units",
))
def three_cnn(*, classes: int, channels: int, image_size: int, hidden_units: Count = 10) -> nn.Module:
    """V2 of system 002; hidden_units is our choice (its tutorial's 10), the text gives none."""

    def block(inputs: int) -> list[nn.Module]:
        return [
            nn.Conv2d(inputs, hidden_units, 3, padding=1), _relu(),
            nn.Conv2d(hidden_units, hidden_units, 3, padding=1), nn.MaxPool2d(2), _relu(),
        ]

    side = image_size // 4
    return nn.Sequential(
        *block(channels), *block(hidden_units), nn.Flatten(), nn.Linear(hidden_units * side**2, classes)
    )


@register("ablation-main", Card(
    description="three convolutions with batch norm, two of them pooled, and one hidden layer with dropout",
    source="reference system 001 (001_b66cf1485bd7f7c5.txt), main CNN",
    parameters=1_701_578, macs=9_059_328, smallest=4, width="filters",
))
def ablation_main(
    *, classes: int, channels: int, image_size: int, dropout: Rate = 0.25, filters: Count = 32
) -> nn.Module:
    """The main network of system 001. Its text says about 310K parameters; the layers it lists have 1.70 M.

    filters: of the first convolution, each next one has twice as many. 32 is the text's; others are for comparisons at
    equal multiply-accumulates.
    """
    side, second, third = image_size // 4, 2 * filters, 4 * filters
    return nn.Sequential(
        nn.Conv2d(channels, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.MaxPool2d(2), _relu(),
        nn.Conv2d(filters, second, 3, padding=1), nn.BatchNorm2d(second), nn.MaxPool2d(2), _relu(),
        nn.Conv2d(second, third, 3, padding=1), nn.BatchNorm2d(third), _relu(), nn.Flatten(),
        nn.Linear(third * side**2, 256), _relu(), nn.Dropout(dropout), nn.Linear(256, classes),
    )


@register("ablation-shallow", Card(
    description="two 5x5 convolutions, each pooled, and one hidden layer",
    source="reference system 001 (001_b66cf1485bd7f7c5.txt), alternative CNN",
    parameters=215_370, macs=3_024_384, smallest=4, width="filters",
))
def ablation_shallow(
    *, classes: int, channels: int, image_size: int, filters: Count = 16, batch_norm: bool = False
) -> nn.Module:
    """The alternative network of system 001, whose text gives the two 5x5 convolutions and their widths only.

    Padding that keeps the size, pooling by 2 after each and a hidden layer of 128 are our choice: the commonest way to
    complete it, and one that keeps it smaller than the main network, as the text wants. No batch norm and no dropout,
    which the text names as what sets the main network apart.

    filters: of the first convolution, the second has twice as many; 16 is the text's. batch_norm: after each
    convolution, as in the main network. Both are for comparisons that change one thing at a time.
    """

    def block(inputs: int, outputs: int) -> list[nn.Module]:
        norm = [nn.BatchNorm2d(outputs)] if batch_norm else []
        return [nn.Conv2d(inputs, outputs, 5, padding=2), *norm, nn.MaxPool2d(2), _relu()]

    side, second = image_size // 4, 2 * filters
    return nn.Sequential(
        *block(channels, filters), *block(filters, second), nn.Flatten(),
        nn.Linear(second * side**2, 128), _relu(), nn.Linear(128, classes),
    )


@register("notebook-cnn", Card(
    description="two 3x3 convolutions, each pooled, and one hidden layer",
    source="reference system 004 (004_6dd8da4a79db1f49.txt), FashionCNN",
    parameters=421_642, macs=4_241_152, smallest=4,
))
def notebook_cnn(*, classes: int, channels: int, image_size: int) -> nn.Module:
    """The network that system 004 prints."""
    side = image_size // 4
    return nn.Sequential(
        nn.Conv2d(channels, 32, 3, padding=1), nn.MaxPool2d(2), _relu(),
        nn.Conv2d(32, 64, 3, padding=1), nn.MaxPool2d(2), _relu(), nn.Flatten(),
        nn.Linear(64 * side**2, 128), _relu(), nn.Linear(128, classes),
    )


@register("deep-cnn", Card(
    description="six convolutions with batch norm and rising dropout, global average pooling, one hidden layer",
    source="reference system 003 (003_c0ea5a4b0d72b5df.txt)", parameters=1_214_922, macs=116_125_184, smallest=4,
))
def deep_cnn(*, classes: int, channels: int, image_size: int) -> nn.Module:
    """The network of system 003, a Keras project, with Keras' defaults so that it trains as it did there.

    Glorot-uniform weights and zero biases; batch norm with epsilon 1e-3 and momentum 0.99, which is 0.01 in PyTorch's
    counting. Global pooling makes it indifferent to `image_size`.
    """

    def norm(width: int) -> nn.BatchNorm2d:
        return nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)

    def twice(inputs: int, width: int) -> list[nn.Module]:
        return [
            nn.Conv2d(inputs, width, 3, padding=1), norm(width), _relu(),
            nn.Conv2d(width, width, 3, padding=1), norm(width),
        ]

    model = nn.Sequential(
        *twice(channels, 64), nn.MaxPool2d(2), _relu(), nn.Dropout(0.25),
        *twice(64, 128), nn.MaxPool2d(2), _relu(), nn.Dropout(0.3),
        *twice(128, 256), _relu(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.4),
        nn.Linear(256, 256), nn.BatchNorm1d(256, eps=1e-3, momentum=0.01), _relu(), nn.Dropout(0.4),
        nn.Linear(256, classes),
    )
    for layer in model:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return model


def _relu() -> nn.ReLU:
    """In place: no layer before one needs its own output for its gradient."""
    return nn.ReLU(inplace=True)
