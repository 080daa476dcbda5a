"""Distillation: the loss is that of the paper, the teacher's answers are its own, and leaks are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from fashionlab import recipes
from fashionlab.common.errors import DataError, UsageError
from fashionlab.data.held_out import load_test
from fashionlab.recipes.teacher import TeacherSettings
from fashionlab.runs.results import load_results
from fashionlab.training import session
from fashionlab.training.teacher import Teacher
from toy_runs import train, write_photos

SMALL = ["data.limit=200", "data.validation=100", "batch_size=50", "epochs=2"]
QUIET = session.Options(device="cpu", quiet=True)


@pytest.fixture(scope="module")
def teacher(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("teacher") / "teacher", toy_data, "three-linear", *SMALL, "epochs=6",
                 "optimizer.lr=0.3", "loss.label_smoothing=0.6")  # so that it is less sure than the labels are


@pytest.mark.parametrize(("weight", "temperature"), [(0.3, 1.0), (0.9, 4.0), (1.0, 2.5)])
def test_the_loss_and_its_gradient_are_those_of_the_paper(weight: float, temperature: float) -> None:
    draw = np.random.default_rng(0)
    taught, own = draw.normal(size=(7, 5)) * 3, draw.normal(size=(3, 5))
    positions, labels = np.array([6, 0, 3]), np.array([1, 4, 2])
    logits = torch.tensor(own, requires_grad=True)
    settings = TeacherSettings(run="r", weight=weight, temperature=temperature)
    label_loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
    loss = Teacher(settings, torch.tensor(taught), 0.0).loss(logits, torch.tensor(positions), label_loss)
    loss.backward()
    soft = softmax(taught[positions] / temperature, axis=1)
    hard = -log_softmax(own, axis=1)[np.arange(3), labels].mean()
    divergence = (soft * (np.log(soft) - log_softmax(own / temperature, axis=1))).sum(axis=1).mean()
    assert float(loss.detach()) == pytest.approx((1 - weight) * hard + weight * temperature**2 * divergence)
    # Equation 2 of the paper, times the square of the temperature.
    by_hand = ((1 - weight) * (softmax(own, axis=1) - np.eye(5)[labels])
               + weight * temperature * (softmax(own / temperature, axis=1) - soft)) / 3
    np.testing.assert_allclose(logits.grad, by_hand, atol=1e-9)


def test_a_student_comes_to_agree_with_its_teacher(teacher: Path, toy_data: Path, tmp_path: Path) -> None:
    words = [*SMALL, "epochs=6", "optimizer.lr=0.3"]
    alone = train(tmp_path / "alone", toy_data, "three-linear", *words, "seed=1")
    taught = train(tmp_path / "taught", toy_data, "three-linear", *words, "seed=1",
                   f"teacher={{run: {teacher}, weight: 1.0, temperature: 1.0}}")
    target = softmax(load_results(teacher).test.logits, axis=1)

    def distance(run: Path) -> float:
        return -float((target * log_softmax(load_results(run).test.logits, axis=1)).sum(axis=1).mean())

    assert distance(taught) < distance(alone)
    recipe = load_results(taught).recipe
    assert recipe.teacher is not None and recipe.teacher.run == str(teacher)


def test_an_interrupted_student_ends_with_the_same_bits(teacher: Path, toy_data: Path, tmp_path: Path) -> None:
    recipe = recipes.load("three-linear", [f"data.dataset={toy_data}", *SMALL, f"teacher={teacher}"])
    whole = session.start(recipe, tmp_path / "whole", QUIET)
    parts = session.start(recipe, tmp_path / "parts", session.Options(device="cpu", quiet=True, max_minutes=1e-9))
    assert load_results(parts.path).metrics.steps < 8
    session.resume(parts.path, None, QUIET)
    states = [torch.load(run.last, weights_only=True)["model"] for run in (whole, parts)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_unfit_teachers_are_refused(teacher: Path, toy_data: Path, tmp_path: Path) -> None:
    unfinished = shutil.copytree(teacher, tmp_path / "unfinished")
    (unfinished / "metrics.json").unlink()
    for overrides, message in (
            ([f"teacher={tmp_path / 'none'}"], "no such run folder"),
            ([f"teacher={unfinished}"], "has not finished training"),
            ([f"teacher={teacher}", "data.split_seed=7"], "trained on pictures that validate this training"),
            ([f"teacher={teacher}", "data.image_size=14"], r"image_size are 28, this training's 14")):
        recipe = recipes.load("three-linear", [f"data.dataset={toy_data}", *SMALL, *overrides])
        with pytest.raises(DataError, match=message):
            session.start(recipe, tmp_path / "student", QUIET)
        assert not (tmp_path / "student").exists()


PHOTOS = ["data.image_size=28", "data.validation=0", "batch_size=20", "epochs=1"]


def test_a_teacher_that_may_know_the_held_out_pictures_is_refused(tmp_path: Path) -> None:
    """With groups another sixth is held out as the test part: that teacher was trained on some of it."""
    photos = write_photos(tmp_path / "photos")
    teacher = train(tmp_path / "teacher", photos, "three-linear", *PHOTOS)
    held_out = [set(load_test(str(photos), group=group).files or ()) for group in (None, r"^(s\d)_")]
    assert held_out[0] != held_out[1]
    message = rf"^teacher {teacher}: it was trained on other pictures, .*data\.group"
    for groups, data in ((["data.group='^(s\\d)_'"], photos), ([], write_photos(tmp_path / "other", seed=1))):
        recipe = recipes.load("three-linear", [f"data.dataset={data}", *PHOTOS, *groups, f"teacher={teacher}"])
        with pytest.raises(DataError, match=message) as raised:
            session.start(recipe, tmp_path / "student", QUIET)
        assert "\n" not in str(raised.value) and not (tmp_path / "student").exists()
    train(tmp_path / "student", photos, "three-linear", *PHOTOS, f"teacher={teacher}")


@pytest.mark.parametrize(("override", "message"), [
    ("teacher={run: a, weight: 0}", r"teacher\.weight"), ("teacher={run: a, temperature: 0}", r"teacher\.temperature"),
    ("teacher={run: a, wait: 1}", "did you mean 'weight'"), ("teacher={weight: 0.5}", r"teacher\.run"),
    ("snapshots=1", "snapshots"), ("snapshots=4", "do not divide"),
])
def test_mistakes_are_said_in_one_line(override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        recipes.load("three-linear", [override])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("overrides", [
    ["teacher=a", "augment=[{name: mixup}]"], ["snapshots=3", "averaging={name: ema}"],
    ["snapshots=3", "early_stopping={patience: 2}"],
])
def test_what_does_not_go_together_is_refused(overrides: list[str]) -> None:
    with pytest.raises(UsageError, match=r"must not mix|not together with"):
        recipes.load("three-linear", overrides)
