"""RandAugment and TrivialAugment against torchvision's own, operation by operation and picture by picture."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.autoaugment import RandAugment as TheirRandAugment
from torchvision.transforms.autoaugment import TrivialAugmentWide, _apply_op

from fashionlab.augment import Draw
from fashionlab.augment.policies import BINS, OPERATIONS, RandAugment, TrivialAugment

# In torchvision's order, which ours follows.
THEIR_NAMES = list(TrivialAugmentWide()._augmentation_space(BINS))
ON_BYTES = ("Posterize", "Solarize", "Equalize")  # torchvision refuses to posterize and equalize floats


def their_result(image: Tensor, number: int, level: float, space: dict) -> Tensor:
    name = THEIR_NAMES[number]
    magnitudes, signed = space[name]
    magnitude = float(magnitudes[round(abs(level) * (BINS - 1))]) if magnitudes.ndim else 0.0
    if signed and level < 0:
        magnitude = -magnitude
    given = (image * 255).round().to(torch.uint8) if name in ON_BYTES else image
    result = _apply_op(given, name, magnitude, InterpolationMode.BILINEAR, None)
    return result.float() / 255 if name in ON_BYTES else result


def assert_equal_to_theirs(image: Tensor, ours: Tensor, number: int, level: float, space: dict) -> None:
    theirs = their_result(image, number, level, space)
    if THEIR_NAMES[number] == "Solarize":  # a threshold of 246.5 and one of 246.50001 differ for no byte, but on it
        assert ((ours - theirs).abs() > 1e-4).float().mean() < 0.01
    else:
        assert torch.allclose(ours, theirs, atol=2e-4), (THEIR_NAMES[number], level)


def byte_pictures(n: int, c: int) -> Tensor:
    values = torch.randint(0, 256, (n, c, 28, 24), generator=torch.Generator().manual_seed(1))
    values[:, :, 18:] = 0
    return values.float() / 255


def test_the_operations_are_torchvisions() -> None:
    assert [name.replace("_", "") for name in OPERATIONS] == [name.lower() for name in THEIR_NAMES]


@pytest.mark.parametrize("c", [1, 3])
@pytest.mark.parametrize(("ours", "theirs"), [
    (RandAugment(), TheirRandAugment()._augmentation_space(BINS, (28, 24))),
    (TrivialAugment(), TrivialAugmentWide()._augmentation_space(BINS)),
], ids=["rand_augment", "trivial_augment"])
def test_every_operation_at_every_magnitude_is_torchvisions(
    c: int, ours: RandAugment | TrivialAugment, theirs: dict
) -> None:
    # Not 15: torchvision's linspace gives 15.99999 pixels there, which it truncates.
    levels = torch.tensor([0, 1, 4, 9, 14, 17, 26, 30]) / (BINS - 1)
    operation = torch.arange(len(OPERATIONS)).repeat_interleave(2 * len(levels))
    level = torch.cat((levels, -levels)).repeat(len(OPERATIONS))
    signed = torch.tensor([bool(theirs[name][1]) for name in THEIR_NAMES])[operation]
    level = torch.where(signed, level, level.abs())
    images = byte_pictures(len(operation), c)
    changed = ours.apply(images, {"operation": operation[:, None], "level": level[:, None]})
    for i, image in enumerate(images):
        assert_equal_to_theirs(image, changed[i], int(operation[i]), level[i].item(), theirs)


def test_rounds_follow_one_another() -> None:
    images = byte_pictures(60, 1)
    policy = RandAugment(n=3, magnitude=12)
    parameters = policy.sample(images.shape, Draw(torch.Generator().manual_seed(0)))
    expected = images
    for turn in range(3):
        expected = policy.apply(expected, {name: value[:, turn : turn + 1] for name, value in parameters.items()})
    assert torch.equal(policy.apply(images, parameters), expected)


def test_draws_every_operation_sign_and_magnitude() -> None:
    shape = torch.Size((20000, 1, 28, 28))
    trivial = TrivialAugment().sample(shape, Draw(torch.Generator().manual_seed(0)))
    assert trivial["operation"].shape == trivial["level"].shape == (20000, 1)
    counts = torch.bincount(trivial["operation"][:, 0], minlength=len(OPERATIONS))
    assert len(counts) == len(OPERATIONS) and counts.min() > 1250 and counts.max() < 1610
    magnitudes = (trivial["level"].abs() * (BINS - 1)).round().long().unique()
    assert magnitudes.tolist() == list(range(BINS))
    signed = (trivial["operation"] >= 1) & (trivial["operation"] < 10)
    assert 0.46 < (trivial["level"][signed] < 0).float().mean() < 0.5  # the magnitude 0 has no sign
    assert (trivial["level"][~signed] >= 0).all()
    rand = RandAugment(n=2, magnitude=15).sample(shape, Draw(torch.Generator().manual_seed(0)))
    assert rand["operation"].shape == (20000, 2)
    assert rand["level"].abs().unique().tolist() == [0.5]
