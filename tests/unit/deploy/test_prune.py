"""export --prune: a narrower run of its own, fine-tuned, measured beside the one it came from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fashionlab import recipes
from fashionlab.deploy import check
from fashionlab.deploy.artifact import load
from fashionlab.deploy.prune import pruned_recipe
from fashionlab.errors import UsageError
from fashionlab.evaluation.results import load_results


def test_a_run_is_pruned_tuned_and_measured(cli, cnn_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(check, "_SECONDS", 0.0)
    monkeypatch.setattr(check, "_REPETITIONS", (5, 5))
    run = shutil.copytree(cnn_run, tmp_path / "cnn")
    done = cli("export", run, "--prune", "0.5", "--out", "small.zip", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert set(told["rows"]) == {"PyTorch", "float32", "float32 unpruned"}
    assert told["pruning"]["bytes"] < 0.6 and told["rows"]["float32"]["equal_answers"] >= check.EQUAL
    for split in ("val", "test"):
        before, after = (load_results(path).metrics[f"{split}_accuracy"] for path in (run, tmp_path / "cnn-pruned50"))
        points = told["pruning"]["points"]["validation" if split == "val" else "test"]
        assert points == pytest.approx(100 * (after - before), abs=0.6), "the graph may differ by a picture"
    recipe = load_results(tmp_path / "cnn-pruned50").recipe
    assert recipe.model.arguments["widths"] == [4, 8] and recipe.start and recipe.start.run == str(run)
    artifact = load(tmp_path / "small.zip")
    assert artifact.description.name == "cnn-pruned50" and told["pruning"]["why"] in artifact.card

    again = cli("export", run, "--prune", "0.5", "--out", "small.zip")
    assert again.code == 0 and "is there already" in again.err and "float32 unpruned" in again.out
    shutil.copytree(run, tmp_path / "cnn-pruned25")
    refused = cli("export", run, "--prune", "0.25")
    assert refused.code == 2 and "cnn-pruned25 exists and is another run" in refused.err


def test_half_the_channels_and_half_the_epochs():
    quick = recipes.load("quick", [])
    found = pruned_recipe(quick, Path("runs/a"), 0.25)
    assert found.model.arguments["widths"] == [24, 48, 96] and found.epochs == 2
    assert found.optimizer == quick.optimizer and found.data == quick.data
    assert pruned_recipe(recipes.load("three-cnn", []), Path("a"), 0.99).model.arguments["hidden_units"] == 1


@pytest.mark.parametrize(("model", "share", "message"), [
    ("fast", 0.0, "--prune 0: expected a share"), ("fast", 1.0, "--prune 1: expected a share"),
    ("fast", float("nan"), "--prune nan: expected a share"), ("vit", 0.5, "a: model 'vit' cannot be pruned"),
])
def test_mistakes_are_said_in_one_line(model: str, share: float, message: str):
    with pytest.raises(UsageError, match=message) as raised:
        pruned_recipe(recipes.load("three-linear", [f"model={{name: {model}}}"]), Path("a"), share)
    assert "\n" not in str(raised.value)
