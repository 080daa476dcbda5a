"""Training that starts from a finished run."""

from __future__ import annotations

from pathlib import Path

import pytest

from fashionlab import recipes
from fashionlab.common.errors import DataError, UsageError
from fashionlab.runs.results import load_results
from fashionlab.training import session
from toy_runs import train, write_two_classes

SMALL = ["data.limit=200", "data.validation=100", "batch_size=50"]
QUIET = session.Options(device="cpu", quiet=True)


@pytest.fixture(scope="module")
def first(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("first") / "first", toy_data, "three-linear", *SMALL, "epochs=4",
                 "optimizer.lr=0.3")


def test_it_goes_on_where_the_other_ended(first: Path, toy_data: Path, tmp_path: Path):
    second = train(tmp_path / "second", toy_data, "three-linear", *SMALL, "epochs=1", "optimizer.lr=1e-9",
                   f"start={first}", "seed=5")
    assert load_results(second).metrics.val_accuracy == load_results(first).metrics.val_accuracy > 0.5
    start = load_results(second).recipe.start
    assert start is not None and start.run == str(first)


def test_unfit_starts_are_refused(first: Path, toy_data: Path, tmp_path: Path):
    for recipe, overrides, kind, message in (
            ("three-linear", [f"start={tmp_path / 'none'}"], DataError, "no such run folder"),
            ("three-linear", [f"start={first}", "data.split_seed=7"], DataError, "pictures that validate this"),
            ("three-linear", [f"start={first}", "model.hidden_units=11"], UsageError, "may differ in being wider"),
            ("three-mlp", [f"start={first}"], UsageError, "model 'three-linear', this training's is 'three-mlp'")):
        with pytest.raises(kind, match=message):
            session.start(recipes.load(recipe, [f"data.dataset={toy_data}", *SMALL, "epochs=1", *overrides]),
                          tmp_path / "second", QUIET)
        assert not (tmp_path / "second").exists()


def test_a_start_from_other_pictures_is_refused(tmp_path: Path):
    """What judges this training may be among them."""
    values = ["data.validation=0", "batch_size=20", "epochs=1"]
    first = train(tmp_path / "first", write_two_classes(tmp_path / "a.npz"), "three-linear", *values)
    other = write_two_classes(tmp_path / "b.npz", seed=4)
    with pytest.raises(DataError, match=rf"^start {first}: it was trained on other pictures, .*a\.npz"):
        session.start(recipes.load("three-linear", [f"data.dataset={other}", *values, f"start={first}"]),
                      tmp_path / "second", QUIET)
    assert not (tmp_path / "second").exists()
