"""Class weights: the loss of a step is torch's own, in parts, in several processes and beside everything else."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torch.nn import functional

from fashionlab import models, recipes
from fashionlab.common import runtime
from fashionlab.common.errors import UsageError
from fashionlab.data import ResidentPictures
from fashionlab.recipes.teacher import TeacherSettings
from fashionlab.runs.folder import ModelSpec
from fashionlab.training import session
from fashionlab.training.distributed import World
from fashionlab.training.loss import ClassWeightedCrossEntropy, balanced_weights
from fashionlab.training.teacher import Teacher
from fashionlab.training.trainer import Trainer
from toys import toy_pictures

WEIGHTED = "loss.class_weights=balanced"
CLASSES = 10
# Class 9 has no picture, class 0 most of them.
LABELS = torch.from_numpy(np.random.default_rng(3).choice(9, 64, p=[0.4, 0.2, 0.1, 0.1, 0.04, 0.04, 0.04, 0.04, 0.04]))


def trainer(*overrides: str, model: nn.Module | None = None, teacher: Teacher | None = None,
            precision: runtime.Precision = "float32") -> Trainer:
    """A trainer on 64 pictures of uneven classes, one batch an epoch, plain SGD at rate 0.5, weighted classes."""
    recipe = recipes.load("three-linear", ["model={name: logistic}", "batch_size=64", "optimizer={name: sgd, lr: 0.5}",
                                           "data.normalise=none", WEIGHTED, *overrides])
    cpu = torch.device("cpu")
    resident = ResidentPictures(torch.from_numpy(toy_pictures(64, seed=5)[0])[:, None], LABELS, cpu)
    empty = ResidentPictures(resident.images[:0], resident.labels[:0], cpu)
    spec = ModelSpec("logistic", {}, tuple("0123456789"), 1, 28, (0.0,), (1.0,), 1)
    torch.manual_seed(0)
    model = model or models.build("logistic", classes=CLASSES, channels=1, image_size=28)
    return Trainer(recipe, model, resident, empty, spec, runtime.choose("cpu", precision), World(), teacher)


def weights() -> Tensor:
    """scikit-learn's, of the classes that have pictures; 0 for the one that has none."""
    present = LABELS.unique().numpy()
    values = np.zeros(CLASSES)
    values[present] = compute_class_weight("balanced", classes=present, y=LABELS.numpy())
    return torch.from_numpy(values).float()


def step(one: Trainer) -> tuple[float, list[Tensor], Tensor, Tensor]:
    """One update: the loss before it, the weights after it, and its logits and targets before it."""
    indices, images, labels = next(one.train.batches(64, seed=0, epoch=0))
    inputs, targets = one.prepare(indices, images, labels)
    logits = one.model(inputs).detach()
    loss, _ = one.update(inputs, indices, labels, targets)
    return loss, [parameter.detach().clone() for parameter in one.model.parameters()], logits, targets


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
def test_weights_are_scikit_learns(labels: list[int]) -> None:
    found = balanced_weights(torch.tensor(labels), 7).numpy()
    present = np.unique(labels)
    np.testing.assert_allclose(found[present], compute_class_weight("balanced", classes=present, y=np.array(labels)),
                               rtol=1e-6)
    assert not np.delete(found, present).any(), "a class without pictures weighs nothing"
    assert found[labels].mean() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("parts", [1, 3, 64])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_step_is_torchs_weighted_cross_entropy(parts: int, smoothing: float) -> None:
    loss, after, _, _ = step(trainer(f"gradient.accumulate={parts}", f"loss.label_smoothing={smoothing}"))
    other = trainer()
    _, images, labels = next(other.train.batches(64, seed=0, epoch=0))
    expected = functional.cross_entropy(other.model(images.float() / 255), labels, weights(), label_smoothing=smoothing)
    expected.backward()
    assert loss == pytest.approx(float(expected.detach()), rel=1e-5)
    for found, parameter in zip(after, other.model.parameters(), strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(found, (parameter - 0.5 * parameter.grad).detach(), rtol=1e-4, atol=1e-6)
    plain = functional.cross_entropy(other.model(images.float() / 255), labels, label_smoothing=smoothing)
    assert abs(float(plain.detach()) - loss) > 1e-4, "on these pictures weights change the loss"


@pytest.mark.parametrize("mixing", ["mixup", "cutmix"])
@pytest.mark.parametrize("overrides", [["gradient.accumulate=5"], ["loss.label_smoothing=0.2"]])
def test_mixed_labels_are_weighed_as_torch_does(mixing: str, overrides: list[str]) -> None:
    one = trainer(f"augment=[{{name: {mixing}, alpha: 1.0}}]", *overrides)
    loss, _, logits, targets = step(one)
    assert targets.shape == (64, CLASSES)
    expected = functional.cross_entropy(logits, targets, weights(),
                                        label_smoothing=one.recipe.loss.label_smoothing)
    assert loss == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("parts", [1, 3])
def test_a_teachers_part_is_not_weighed(parts: int) -> None:
    teacher = Teacher(TeacherSettings(run="r", weight=0.4, temperature=2.0), torch.randn(64, CLASSES), 0.0)
    one = trainer(f"gradient.accumulate={parts}", teacher=teacher)
    indices, _, labels = next(one.train.batches(64, seed=0, epoch=0))
    loss, _, logits, _ = step(one)
    expected = teacher.loss(logits, indices, functional.cross_entropy(logits, labels, weights()))
    assert loss == pytest.approx(float(expected), rel=1e-5)


def test_members_of_an_ensemble_learn_as_they_would_alone() -> None:
    torch.manual_seed(1)
    members = [{"name": "fast", "widths": (4, 8)}, {"name": "three-mlp"}]
    joint = models.build("ensemble", classes=CLASSES, channels=1, image_size=28, members=members)
    alone = [copy.deepcopy(member) for member in joint.members]  # type: ignore[union-attr]
    loss = step(trainer(model=joint))[0]
    expected = [step(trainer(model=model)) for model in alone]
    assert loss == pytest.approx(sum(one[0] for one in expected) / 2, rel=1e-5)
    for member, one in zip(joint.members, expected, strict=True):  # type: ignore[arg-type]
        for found, wanted in zip(member.parameters(), one[1], strict=True):
            torch.testing.assert_close(found.detach(), wanted, rtol=1e-4, atol=1e-6)


def test_bfloat16_changes_digits_only() -> None:
    exact, rounded = step(trainer())[0], step(trainer(precision="bfloat16"))[0]
    assert rounded == pytest.approx(exact, rel=0.02)


@dataclass(frozen=True)
class Together(World):
    """One of several processes, which knows beforehand what all of them add up to."""

    whole: float = 0.0

    def total(self, value: Tensor) -> Tensor:
        return torch.full_like(value, self.whole)


@given(n=st.integers(2, 30), size=st.integers(2, 4), parts=st.integers(1, 3), mixed=st.booleans(), seed=st.integers(0))
def test_processes_and_parts_add_up_to_the_whole_batch(n: int, size: int, parts: int, mixed: bool, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed % 2**32)
    size = min(size, n)
    logits, labels = torch.randn(n, 4, generator=draw), torch.randint(4, (n,), generator=draw)
    targets = torch.rand(n, 4, generator=draw).softmax(1) if mixed else labels
    by_class = torch.tensor([0.2, 1.0, 3.0, 9.0])
    whole = float(n if mixed else by_class[labels].sum())
    mean = 0.0
    for own_logits, own_targets in zip(logits.tensor_split(size), targets.tensor_split(size), strict=True):
        loss = ClassWeightedCrossEntropy(0.1, by_class, Together(0, size, whole))
        loss.begin_step(own_targets)
        for part, target in zip(own_logits.chunk(parts), own_targets.chunk(parts), strict=True):
            mean += float(loss(part, target)) * len(part) / len(own_logits) / size
    expected = functional.cross_entropy(logits, targets, by_class, label_smoothing=0.1)
    assert mean == pytest.approx(float(expected), rel=1e-4)


def uneven_data(path: Path) -> Path:
    """An NPZ data set of three classes with 80, 16 and 4 training pictures and 20, 4 and 1 for test."""
    draw = np.random.default_rng(0)
    arrays = {}
    for part, counts in (("train", (80, 16, 4)), ("test", (20, 4, 1))):
        labels = np.repeat(np.arange(3), counts)
        pictures = draw.integers(0, 60, (len(labels), 8, 8), dtype=np.uint8)
        pictures[np.arange(len(labels)), 2 * labels] += 150
        arrays |= {f"x_{part}": pictures, f"y_{part}": labels}
    np.savez(path, **arrays, classes=np.array(["bag", "coat", "tie"]))
    return path


@pytest.mark.parametrize("overrides", [
    [WEIGHTED, "selection={keep: 0.5, after: 1}"], [WEIGHTED, "gradient.accumulate=3"], ["data.sampler=balanced"],
    [WEIGHTED, "optimizer={name: sam, lr: 0.1, momentum: 0.9}"],
])
def test_an_interrupted_training_ends_with_the_same_bits(overrides: list[str], tmp_path: Path) -> None:
    recipe = recipes.load("three-linear", [f"data.dataset={uneven_data(tmp_path / 'uneven.npz')}", "epochs=3",
                                           "data.validation=0", "batch_size=16", *overrides])
    quiet = session.Options(device="cpu", quiet=True)
    whole = session.start(recipe, tmp_path / "whole", quiet)
    parts = session.start(recipe, tmp_path / "parts", session.Options(device="cpu", quiet=True, max_minutes=1e-9))
    assert parts.read_json(parts.metrics)["steps"] % 7, "in the middle of an epoch"
    session.resume(parts.path, None, quiet)
    states = [torch.load(run.last, weights_only=True) for run in (whole, parts)]
    assert all(torch.equal(value, states[1]["model"][name]) for name, value in states[0]["model"].items())
    for one in states[0]["history"]:
        assert one["pictures"] == 100, "an epoch has as many pictures as before"


def test_small_classes_are_named_before_training(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = uneven_data(tmp_path / "uneven.npz")
    base = [f"data.dataset={data}", "epochs=1", "data.validation=0", "batch_size=16"]
    quiet = session.Options(device="cpu", quiet=True)
    session.start(recipes.load("three-linear", base), tmp_path / "all", quiet)
    assert capfd.readouterr().err == "note: classes with fewer than 5 training pictures: “tie” (4)\n"
    session.start(recipes.load("three-linear", [*base, "data.limit=20"]), tmp_path / "some", quiet)
    assert capfd.readouterr().err == "note: classes with fewer than 5 training pictures: “tie” (1), “coat” (3)\n"


@pytest.mark.parametrize(("overrides", "message"), [
    ([WEIGHTED, "data.sampler=balanced"], "data.sampler and loss.class_weights"),
    (["data.sampler=balanced", "selection={keep: 0.5}"], "not together with selection"),
    (["loss.class_weights=even"], r"loss\.class_weights"), (["data.sampler=shuffled"], r"data\.sampler"),
])
def test_what_does_not_go_together_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        recipes.load("three-linear", overrides)
    assert "\n" not in str(raised.value)
