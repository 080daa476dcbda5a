"""MixUp and CutMix against slow loops; the labels of CutMix against counted pixels."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import one_hot

from fashionlab.augment import Draw, build
from fashionlab.augment.mixing import CutMix, MixUp


def draw(seed: int = 0) -> Draw:
    return Draw(torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("probability", [1.0, 0.4])
def test_mixup_is_the_weighted_mean(probability: float) -> None:
    images, labels = torch.rand(200, 3, 6, 5), torch.arange(200) % 10
    mixup = MixUp(alpha=0.7, probability=probability)
    parameters = mixup.sample(images.shape, draw())
    mixed, targets = mixup.apply(images, one_hot(labels, 10).float(), parameters)
    assert sorted(parameters["partner"].tolist()) == list(range(200))
    pairs = zip(parameters["partner"].tolist(), parameters["own_share"].tolist(), strict=True)
    for i, (partner, share) in enumerate(pairs):
        assert torch.allclose(mixed[i], share * images[i] + (1 - share) * images[partner], atol=1e-6)
        expected = torch.zeros(10)
        expected[labels[i]] += share
        expected[labels[partner]] += 1 - share
        assert torch.allclose(targets[i], expected, atol=1e-6)
    assert abs((parameters["own_share"] == 1).float().mean().item() - (1 - probability)) < 0.1


@pytest.mark.parametrize("alpha", [0.001, 0.2, 1.0, 8.0])
def test_shares_are_beta_distributed(alpha: float) -> None:
    share = draw().beta(alpha, 40000)
    assert share.isfinite().all() and share.min() >= 0 and share.max() <= 1
    assert abs(share.mean().item() - 0.5) < 0.01
    assert abs(share.var().item() - 1 / (4 * (2 * alpha + 1))) < 0.005


@pytest.mark.parametrize("probability", [1.0, 0.4])
def test_cutmix_weighs_labels_by_counted_pixels(probability: float) -> None:
    n, h, w = 400, 14, 11
    images = torch.arange(1.0, n + 1).view(n, 1, 1, 1).expand(n, 2, h, w) / n  # every picture its own value
    pipeline = build([{"name": "cutmix", "alpha": 1.0, "probability": probability}])
    mixed, targets = pipeline(images, torch.arange(n), draw(), n)
    pasted_somewhere = 0
    for i in range(n):
        owners = (mixed[i, 0] * n).round().long() - 1
        assert torch.equal(mixed[i, 0], mixed[i, 1])
        shares = torch.bincount(owners.flatten(), minlength=n) / (h * w)
        assert torch.allclose(targets[i], shares, atol=1e-6)
        pasted = owners != i
        pasted_somewhere += bool(pasted.any())
        rows, columns = pasted.any(1), pasted.any(0)
        assert torch.equal(pasted, rows[:, None] & columns)  # one box
    assert 0.7 * probability < pasted_somewhere / n <= probability + 0.07


def test_cutmix_boxes_before_clipping_have_the_drawn_area() -> None:
    boxes = CutMix(alpha=1.0).sample(torch.Size((20000, 1, 200, 200)), draw())["box"]
    top, left, bottom, right = boxes.unbind(1)
    inside = (top > 0) & (left > 0) & (bottom < 200) & (right < 200)
    assert (boxes >= 0).all() and (boxes <= 200).all()
    assert 0.1 < (~inside).float().mean() < 0.9  # the middle is anywhere: many are cut off
    assert ((bottom - top) - (right - left))[inside].abs().max() <= 1  # the picture's own proportions


def test_mixing_twice_keeps_targets_summing_to_one() -> None:
    pipeline = build([{"name": "mixup", "alpha": 0.5, "probability": 0.5}, {"name": "cutmix", "probability": 0.5}])
    assert pipeline.mixes
    _, targets = pipeline(torch.rand(50, 1, 8, 8), torch.arange(50) % 10, draw(), 10)
    assert torch.allclose(targets.sum(1), torch.ones(50))
    assert (targets > 0).sum(1).max() > 2


def test_a_batch_of_one_is_its_own_partner() -> None:
    images = torch.rand(1, 1, 8, 8)
    for name in ("mixup", "cutmix"):
        mixed, targets = build([{"name": name}])(images, torch.tensor([3]), draw(), 10)
        assert torch.allclose(mixed, images)
        assert torch.allclose(targets, one_hot(torch.tensor([3]), 10).float())
