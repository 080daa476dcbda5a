"""Finished runs of the same recipe and seed are taken over; anything less alike is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fashionlab import recipes
from fashionlab.common.environment import machine, versions
from fashionlab.recipes import to_yaml
from fashionlab.runs.folder import RunFolder
from fashionlab.studies.adoption import Shelf

HERE = {"machine": machine(), "versions": versions(), "device": "cpu"}
RECIPE = recipes.load("three-linear", ["seed=3"])


def write(path: Path, state: str = "complete", recipe=RECIPE, stopped: str = "all epochs done",
          **environment: object) -> RunFolder:
    run = RunFolder(path)
    path.mkdir(parents=True)
    run.recipe.write_text(to_yaml(recipe))
    run.model.write_text("{}")
    run.environment.write_text(json.dumps({**HERE, **environment}))
    run.set_status(state, stopped=stopped)
    return run


def test_a_run_is_copied_and_says_where_it_is_from(tmp_path: Path) -> None:
    found = write(tmp_path / "runs" / "reproduce" / "three-linear-s3")
    target = tmp_path / "runs" / "study" / "baseline-s3"
    assert Shelf(tmp_path / "runs", "cpu").take(RECIPE, target)
    taken = RunFolder(target)
    assert taken.read_json(taken.status)["taken_from"] == str(found.path)
    assert taken.recipe.read_text() == found.recipe.read_text()
    assert sorted(path.name for path in target.parent.iterdir()) == ["baseline-s3"]


def test_what_a_recipe_says_of_itself_does_not_matter(tmp_path: Path) -> None:
    write(tmp_path / "runs" / "one")
    silent = RECIPE.model_copy(update={"description": "another", "expected": None})
    assert Shelf(tmp_path / "runs", "cpu").take(silent, tmp_path / "taken")


@pytest.mark.parametrize("changes", [
    {"state": "trained"}, {"state": "failed"}, {"stopped": "out of time"},
    {"stopped": "a callback asked to stop after epoch 2"}, {"recipe": recipes.load("three-linear", ["seed=4"])},
    {"recipe": recipes.load("three-linear", ["seed=3", "optimizer.lr=0.2"])}, {"device": "cuda:0"},
    {"machine": {"processor": "another"}}, {"versions": {"torch": "1.0"}},
])
def test_less_alike_runs_are_left(changes: dict, tmp_path: Path) -> None:
    write(tmp_path / "runs" / "one", **changes)
    assert not Shelf(tmp_path / "runs", "cpu").take(RECIPE, tmp_path / "taken")
    assert not (tmp_path / "taken").exists()


def test_broken_folders_are_passed_over(tmp_path: Path) -> None:
    broken = write(tmp_path / "runs" / "broken")
    broken.environment.write_text("no JSON")
    (tmp_path / "runs" / "empty").mkdir()
    (tmp_path / "runs" / "empty" / "status.json").write_text('{"state": "complete"}')
    write(tmp_path / "runs" / "study" / "good")
    assert len(Shelf(tmp_path / "runs", "cpu").runs) == 1
    assert not Shelf(tmp_path / "nothing", "cpu").runs
