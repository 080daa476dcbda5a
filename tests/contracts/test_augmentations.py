"""What every registered augmentation keeps to. A new one is tested here with nothing edited."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import yaml
from pydantic import ValidationError
from torch import Tensor

from fashionlab.augment import AUGMENTATIONS, Augmentation, Draw, Pipeline, parse
from fashionlab.augment.base import Mixing

CLASSES = 5
SHAPES = [(12, 1, 28, 28), (12, 3, 20, 31)]
DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
every_name = pytest.mark.parametrize("name", AUGMENTATIONS.names())
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=["grey", "colour"])


def operation(name: str, **fields: Any) -> Augmentation:
    cls = AUGMENTATIONS[name]
    return cls(**{**cls.example, **fields})


def pictures(shape: tuple[int, ...], device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Smooth-ish pictures that use the whole range, and their labels."""
    draw = torch.Generator().manual_seed(7)
    images = torch.rand(shape, generator=draw)
    images[:, :, 5:12, 4:20] = images[:, :, 5:12, 4:20] * 0.2 + 0.8
    return images.to(device), (torch.arange(shape[0]) % CLASSES).to(device)


def draw_for(images: Tensor, seed: int = 3) -> Draw:
    indices = torch.arange(len(images), device=images.device)
    return Draw(torch.Generator(images.device).manual_seed(seed), epoch=1, indices=indices)


def run(name: str, images: Tensor, labels: Tensor, seed: int = 3, **fields: Any) -> tuple[Tensor, Tensor]:
    return Pipeline([operation(name, **fields)])(images, labels, draw_for(images, seed), CLASSES)


def test_there_are_augmentations() -> None:
    assert len(AUGMENTATIONS.names()) >= 20


@every_name
def test_describes_itself(name: str) -> None:
    cls = AUGMENTATIONS[name]
    assert cls.description and "\n" not in cls.description and len(cls.description) <= 80
    assert cls.source
    assert cls.kind in ("geometric", "pixel", "policy", "mixing")


@every_name
def test_fields_are_checked_and_frozen(name: str) -> None:
    with pytest.raises(ValidationError, match="no_such_field"):
        operation(name, no_such_field=1)
    for wrong in (-0.1, 1.1, float("nan"), "often"):
        with pytest.raises(ValidationError, match="probability"):
            operation(name, probability=wrong)
    with pytest.raises(ValidationError, match="frozen"):
        operation(name).probability = 0.3  # type: ignore[misc]


@every_name
def test_settings_are_written_in_full_and_read_back(name: str) -> None:
    one = operation(name)
    written = yaml.safe_load(yaml.safe_dump(one.model_dump(mode="json")))
    assert written.keys() == {"name", *type(one).model_fields} and written["name"] == name
    assert parse(written) == one


def test_an_alternating_flip_is_written_in_full_and_read_back() -> None:
    flip = operation("flip", alternating=True)
    assert parse(flip.model_dump(mode="json")) == flip


@every_name
@every_shape
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_keeps_shape_type_range_device_and_layout(
    name: str, shape: tuple[int, ...], device: str, memory_format: torch.memory_format
) -> None:
    images, labels = pictures(shape, device)
    images = images.to(memory_format=memory_format)
    changed, targets = run(name, images, labels)
    assert changed.shape == images.shape
    assert changed.dtype == torch.float32
    assert changed.device == images.device == targets.device
    assert changed.is_contiguous(memory_format=memory_format)
    assert changed.min() >= -1e-6 and changed.max() <= 1 + 1e-6
    if issubclass(AUGMENTATIONS[name], Mixing):
        assert targets.shape == (len(images), CLASSES)
        assert torch.allclose(targets.sum(1), torch.ones(len(images), device=device))
    else:
        assert torch.equal(targets, labels)
    plain, _ = run(name, images.contiguous(), labels)
    assert torch.allclose(changed, plain, atol=1e-6)


@every_name
@every_shape
def test_leaves_its_input_alone(name: str, shape: tuple[int, ...]) -> None:
    images, labels = pictures(shape)
    images_before, labels_before = images.clone(), labels.clone()
    changed, _ = run(name, images, labels)
    changed.zero_()
    assert torch.equal(images, images_before)
    assert torch.equal(labels, labels_before)


@every_name
@every_shape
def test_probability_0_is_the_identity(name: str, shape: tuple[int, ...]) -> None:
    images, labels = pictures(shape)
    changed, targets = run(name, images, labels, probability=0)
    assert torch.allclose(changed, images, atol=1e-5)
    if issubclass(AUGMENTATIONS[name], Mixing):
        assert torch.equal(targets, torch.nn.functional.one_hot(labels, CLASSES).float())


@every_name
def test_probability_in_between_changes_some(name: str) -> None:
    images, labels = pictures((400, 3, 12, 12))
    probability = 0.5
    changed, _ = run(name, images, labels, probability=probability)
    share = ((changed - images).abs().amax((1, 2, 3)) > 1e-4).float().mean().item()
    assert 0 < share < probability + 0.1  # less than half where a draw may leave a picture as it is


@every_name
def test_equal_generators_give_equal_results(name: str) -> None:
    images, labels = pictures(SHAPES[1])
    first, second, other = (run(name, images, labels, seed) for seed in (3, 3, 4))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[0], other[0])


@every_name
def test_equal_pictures_draw_differently(name: str) -> None:
    images, labels = pictures((16, 3, 28, 28))
    twice, _ = run(name, images.repeat_interleave(2, 0), labels.repeat_interleave(2, 0))
    differ = (twice[0::2] != twice[1::2]).flatten(1).any(1)
    assert differ.float().mean() >= 0.2


@every_name
@every_shape
def test_batch_equals_picture_by_picture(name: str, shape: tuple[int, ...]) -> None:
    images, labels = pictures(shape)
    one = operation(name)
    parameters = one.sample(images.shape, draw_for(images))
    assert all(len(value) == len(images) for value in parameters.values())
    if isinstance(one, Mixing):
        targets = torch.nn.functional.one_hot(labels, CLASSES).float()
        mixed, mixed_targets = one.apply(images, targets, parameters)
        for i, partner in enumerate(parameters["partner"].tolist()):
            pair = [i, partner]
            alone = {key: value[pair] for key, value in parameters.items()} | {"partner": torch.tensor([1, 0])}
            image, target = one.apply(images[pair], targets[pair], alone)
            assert torch.equal(image[0], mixed[i])
            assert torch.equal(target[0], mixed_targets[i])
        return
    changed = one.apply(images, parameters)
    for i in range(len(images)):
        row = slice(i, i + 1)
        alone = one.apply(images[row], {key: value[row] for key, value in parameters.items()})
        assert torch.allclose(alone, changed[row], atol=1e-6)
