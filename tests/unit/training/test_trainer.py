"""The loop's own arithmetic, against plain torch."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from fashionlab import models, recipes
from fashionlab.common import runtime
from fashionlab.common.errors import DivergedError
from fashionlab.data import ResidentPictures
from fashionlab.runs.folder import ModelSpec
from fashionlab.training.distributed import World
from fashionlab.training.trainer import Trainer
from toys import toy_pictures


def trainer(*overrides: str, model: nn.Module | None = None) -> Trainer:
    """A trainer of `model` (the logistic one unless said) on 64 pictures, plain SGD at rate 0.5."""
    recipe = recipes.load("three-linear", ["model={name: logistic}", "batch_size=64", "optimizer={name: sgd, lr: 0.5}",
                                           "data.normalise=none", *overrides])
    pictures, labels = toy_pictures(64, seed=5)
    cpu = torch.device("cpu")
    resident = ResidentPictures(torch.from_numpy(pictures)[:, None], torch.from_numpy(labels).long(), cpu)
    empty = ResidentPictures(resident.images[:0], resident.labels[:0], cpu)
    spec = ModelSpec("logistic", {}, tuple("0123456789"), 1, 28, (0.0,), (1.0,), 1)
    torch.manual_seed(0)
    model = model or models.build("logistic", classes=10, channels=1, image_size=28)
    return Trainer(recipe, model, resident, empty, spec, runtime.choose("cpu", "float32"), World())


def step(one: Trainer) -> tuple[float, list[torch.Tensor]]:
    """One update; the loss before it and the weights after it."""
    indices, images, labels = next(one.train.batches(64, seed=0, epoch=0))
    inputs, targets = one.prepare(indices, images, labels)
    loss, _ = one.update(inputs, torch.arange(len(labels)), labels, targets)
    return loss, [parameter.detach().clone() for parameter in one.model.parameters()]


def by_hand(clip: float | None = None, smoothing: float = 0.0) -> tuple[float, list[torch.Tensor]]:
    """The same update in plain torch."""
    one = trainer()
    _, images, labels = next(one.train.batches(64, seed=0, epoch=0))
    loss = functional.cross_entropy(one.model(images.float() / 255), labels, label_smoothing=smoothing)
    loss.backward()
    if clip:
        nn.utils.clip_grad_norm_(one.model.parameters(), clip)
    return float(loss.detach()), [(p - 0.5 * p.grad).detach() for p in one.model.parameters() if p.grad is not None]


@pytest.mark.parametrize(("overrides", "expected"), [
    ([], {}),
    (["gradient.clip_norm=0.01"], {"clip": 0.01}),
    (["gradient.accumulate=3"], {}),
    (["gradient.accumulate=64", "gradient.clip_norm=0.01"], {"clip": 0.01}),
    (["loss.label_smoothing=0.2"], {"smoothing": 0.2}),
])
def test_a_step_is_what_torch_does(overrides, expected):
    loss, weights = step(trainer(*overrides))
    expected_loss, expected_weights = by_hand(**expected)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for one, other in zip(weights, expected_weights, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_mixed_labels_weigh_the_loss():
    one = trainer("augment=[{name: mixup, alpha: 1.0}]")
    indices, images, labels = next(one.train.batches(64, seed=0, epoch=0))
    inputs, targets = one.prepare(indices, images, labels)
    assert targets.shape == (64, 10)
    expected = -(targets * one.model(inputs).log_softmax(1)).sum(1).mean()
    loss, _ = one.update(inputs, torch.arange(len(labels)), labels, targets)
    assert loss == pytest.approx(float(expected.detach()), rel=1e-5)


@pytest.mark.parametrize("overrides", [
    [], ["gradient.accumulate=2", "loss.label_smoothing=0.1"], ["augment=[{name: mixup, alpha: 1.0}]"],
    ["optimizer={name: muon, normalise_weights: true, others: {name: sgd, lr: 0.1, momentum: 0.5}}"],
])
def test_members_of_an_ensemble_learn_as_they_would_alone(overrides):
    torch.manual_seed(1)
    members = [{"name": "fast", "widths": (4, 8)}, {"name": "three-mlp"}, {"name": "fast", "widths": (4, 8)}]
    joint = models.build("ensemble", classes=10, channels=1, image_size=28, members=members)
    alone = [copy.deepcopy(member) for member in joint.members]
    loss, _ = step(trainer(*overrides, model=joint))
    expected = [step(trainer(*overrides, model=model)) for model in alone]
    assert loss == pytest.approx(sum(loss for loss, _ in expected) / 3, rel=1e-5)
    for member, (_, weights) in zip(joint.members, expected, strict=True):
        for found, wanted in zip(member.parameters(), weights, strict=True):
            torch.testing.assert_close(found.detach(), wanted, rtol=1e-4, atol=1e-6)
    assert not torch.equal(joint.members[0].head.weight, joint.members[2].head.weight)


def test_ruined_weights_are_noticed_after_an_epoch():
    one = trainer()
    one._refuse_ruined_weights(None)
    with pytest.raises(DivergedError):
        one._refuse_ruined_weights(float("nan"))
    next(one.model.parameters()).data[0] = float("inf")
    with pytest.raises(DivergedError):
        one._refuse_ruined_weights(None)
