"""What every registered network has to do. A new network is tested with nothing changed here."""

from __future__ import annotations

import copy
import functools
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import update_bn

from fashionlab.common.errors import UsageError
from fashionlab.models import MODELS, argument_names, build, check_arguments, count_macs, count_parameters
from fashionlab.models.pruning import shrink

NAMES = MODELS.names()


@functools.cache
def _built(name: str, channels: int) -> nn.Module:
    torch.manual_seed(0)
    return build(name, classes=10, channels=channels, image_size=28)


def fresh(name: str, channels: int = 1) -> nn.Module:
    """A network of the test's own; copying is cheaper than building."""
    return copy.deepcopy(_built(name, channels)).train()


def pictures(n: int, channels: int = 1, seed: int = 0, side: int = 28) -> Tensor:
    """float32 [n, channels, side, side]: random blotches, mean about 0, deviation about 1."""
    coarse = torch.randn(n, channels, 7, 7, generator=torch.Generator().manual_seed(seed))
    return 1.5 * F.interpolate(coarse, (side, side), mode="bilinear")


def test_there_are_networks() -> None:
    assert len(NAMES) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_card_holds_what_is_counted(name: str) -> None:
    card = MODELS[name].card
    model = build(name, classes=10, channels=card.input[0], image_size=card.input[1])
    assert count_parameters(model) == card.parameters
    assert count_macs(model, card.input) == card.macs
    assert model.training
    assert card.description and card.source


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 3])
def test_logits_have_the_right_shape_and_the_loss_reaches_every_weight(name: str, channels: int) -> None:
    model = fresh(name, channels)
    torch.manual_seed(0)
    logits = model(pictures(8, channels))
    assert logits.shape == (8, 10)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()
    # Not the cross-entropy of 8 pictures: a ReLU on the logits would hide single weights by accident.
    logits.square().sum().backward()
    for key, weight in model.named_parameters():
        if weight.requires_grad:
            assert weight.grad is not None and weight.grad.abs().sum() > 0, key
        else:
            assert weight.grad is None, key


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_is_independent_of_the_rest_of_the_batch(name: str) -> None:
    model = fresh(name)
    with torch.no_grad():
        model(pictures(16, seed=1))  # running statistics that are not the initial ones
        model.eval()
        images = pictures(6)
        together = model(images)
        alone = torch.cat([model(image[None]) for image in images])
        among_others = model(torch.cat((images, 5 * pictures(9, seed=2))))[:6]
    torch.testing.assert_close(alone, together, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(among_others, together, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_state_survives_a_file(name: str, tmp_path: Path) -> None:
    model = fresh(name)
    with torch.no_grad():
        model(pictures(16, seed=1))
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    torch.manual_seed(99)
    other = build(name, classes=10, channels=1, image_size=28)
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    with torch.no_grad():
        assert torch.equal(other.eval()(pictures(4)), model.eval()(pictures(4)))


@pytest.mark.parametrize("name", NAMES)
def test_equal_seeds_give_equal_networks(name: str) -> None:
    states = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        states.append(build(name, classes=10, channels=1, image_size=28).state_dict())
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())
    assert not all(torch.equal(value, states[2][key]) for key, value in states[0].items())


# Two of them by default: one that learns everything, and one whose card names a weakness.
@pytest.mark.parametrize("name", [
    pytest.param(name, marks=() if name in ("three-cnn", "three-mlp") else pytest.mark.slow) for name in NAMES])
def test_learns_64_pictures_by_heart(name: str) -> None:
    accuracy = _accuracy_by_heart(name)
    if MODELS[name].card.weakness:
        assert 0.5 < accuracy <= 0.95, "a weakness that does not show is none: take it off the card"
    else:
        assert accuracy > 0.95


def _accuracy_by_heart(name: str) -> float:
    """Training accuracy on 64 pictures of 16x16 with arbitrary labels: once over 0.95, or after 120 steps of Adam."""
    torch.manual_seed(1)
    model = build(name, classes=10, channels=1, image_size=16).to(memory_format=torch.channels_last)
    images, labels = pictures(64, side=16), torch.arange(64) % 10
    if hasattr(model, "initialise_from"):
        model.initialise_from(images)
    optimizer = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=3e-3, fused=True)
    accuracy = 0.0
    for step in range(1, 121):
        optimizer.zero_grad()
        logits = model(images)
        F.cross_entropy(logits, labels).backward()
        optimizer.step()
        promising = _accuracy(logits, labels) > 0.9 and step % 3 == 0
        if promising or step == 120:
            # Judged as a finished network is: dropout off, and batch norm with statistics of the final weights.
            judged = copy.deepcopy(model)
            update_bn([images], judged)
            with torch.no_grad():
                accuracy = _accuracy(judged.eval()(images), labels)
            if accuracy > 0.95:
                break
    return accuracy


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    return (logits.argmax(1) == labels).double().mean().item()


@pytest.mark.parametrize("name", [name for name in NAMES if MODELS[name].card.width])
def test_it_can_be_narrowed(name: str) -> None:
    """Half of the channels, whose weights come from the whole network."""
    key = MODELS[name].card.width
    width = check_arguments(name, {})[key]
    half = tuple(one // 2 for one in width) if isinstance(width, tuple) else width // 2
    whole, narrow = fresh(name), build(name, classes=10, channels=1, image_size=28, **{key: half})
    narrow.load_state_dict(shrink(whole, narrow, name))
    assert count_parameters(narrow) < count_parameters(whole)
    values, narrowed = dict(whole.named_parameters()), dict(narrow.named_parameters())
    for key, weight in narrowed.items():
        assert torch.isin(weight, values[key]).all(), key


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_picture_is_as_its_card_says(name: str) -> None:
    smallest = MODELS[name].card.smallest
    model = build(name, classes=3, channels=1, image_size=smallest).eval()
    with torch.no_grad():
        assert model(torch.zeros(2, 1, smallest, smallest)).shape == (2, 3)
    with pytest.raises(UsageError, match="image_size"):
        build(name, classes=3, channels=1, image_size=smallest - 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(2, 1, 28, 30), (2, 1, 24, 24), (2, 3, 28, 28), (1, 28, 28)])
def test_pictures_of_another_shape_are_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=rf"{name}.*1, 28, 28"):
        _built(name, 1)(torch.zeros(shape))


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_named_and_checked(name: str) -> None:
    defaults = check_arguments(name, {})
    assert list(defaults) == argument_names(name)
    assert not {"classes", "channels", "image_size"} & set(defaults)
    with pytest.raises(UsageError, match="nonsense"):
        build(name, classes=10, channels=1, image_size=28, nonsense=1)
    for wrong in ({"classes": 1}, {"channels": 2}, {"image_size": 0}):
        with pytest.raises(UsageError):
            build(name, **{"classes": 10, "channels": 1, "image_size": 28, **wrong})
