"""Networks built for comparisons that change one thing: equal cost, batch norm, shortcuts."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from fashionlab.models import build, count_macs

SIZE: dict[str, Any] = {"classes": 10, "channels": 1, "image_size": 28}


def macs(name: str, **arguments: Any) -> int:
    return count_macs(build(name, **SIZE, **arguments), (1, 28, 28))


def test_the_widths_of_claim_3_cost_the_same_as_the_other_network_within_two_percent():
    assert abs(macs("ablation-shallow", filters=29) / macs("ablation-main") - 1) < 0.02
    assert abs(macs("ablation-shallow", filters=29, batch_norm=True) / macs("ablation-main") - 1) < 0.02
    assert abs(macs("ablation-main", filters=17) / macs("ablation-shallow") - 1) < 0.02


def test_batch_norm_follows_every_convolution():
    layers = list(build("ablation-shallow", **SIZE, batch_norm=True))  # pyright: ignore[reportArgumentType]
    after = [layers[place + 1] for place, layer in enumerate(layers) if isinstance(layer, nn.Conv2d)]
    assert [type(layer) for layer in after] == [nn.BatchNorm2d] * 2
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in build("ablation-shallow", **SIZE).modules())


def test_a_plain_block_is_the_branch_alone():
    torch.manual_seed(0)
    with_shortcuts = build("resnet20", **SIZE).eval()
    without = build("resnet20", **SIZE, shortcuts=False).eval()
    without.load_state_dict(with_shortcuts.state_dict())  # the same weights: shortcuts have none
    x = torch.randn(2, 16, 28, 28)
    block, plain = with_shortcuts[3], without[3]  # pyright: ignore[reportIndexIssue]
    with torch.no_grad():
        branch = block.branch(x)
        torch.testing.assert_close(plain(x), torch.relu(branch))
        torch.testing.assert_close(block(x), torch.relu(branch + x))
    assert macs("resnet20", shortcuts=False) == macs("resnet20")
