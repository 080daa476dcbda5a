"""export --prune: a narrower run of its own, fine-tuned, measured beside the one it came from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fashionlab import recipes
from fashionlab.common.errors import UsageError
from fashionlab.deploy import check
from fashionlab.deploy.artifact import load
from fashionlab.deploy.prune import prune_run, pruned_recipe
from fashionlab.runs.folder import RunFolder
from fashionlab.runs.readings import readings
from fashionlab.runs.results import load_results
from toy_runs import train, write_photos


@pytest.mark.slow
def test_a_run_is_pruned_tuned_and_measured(cli, toy_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(check, "_SECONDS", 0.0)
    monkeypatch.setattr(check, "_REPETITIONS", (5, 5))
    run = shutil.copytree(toy_run, tmp_path / "toy")
    pruned = prune_run(run, 0.5)
    assert pruned == tmp_path / "toy-pruned50" and load_results(pruned).status["state"] == "complete"
    recipe = load_results(pruned).recipe
    assert recipe.model.arguments["hidden_units"] == 5 and recipe.start and recipe.start.run == str(run.resolve())

    (pruned / "model_card.md").write_text("# Model card\n")  # else its report is drawn, which takes long
    done = cli("export", run, "--prune", "0.5", "--out", "small.zip", "--json")
    assert done.code == 0, done.err
    assert "toy-pruned50 is there already" in done.err
    printed = json.loads(done.out)
    assert set(printed["rows"]) == {"PyTorch", "float32", "float32 unpruned"}
    assert printed["pruning"]["bytes"] < 0.6 and printed["rows"]["float32"]["equal_answers"] >= check.EQUAL
    for split, name in (("validation", "val_accuracy"), ("test", "test_accuracy")):
        before, after = (getattr(load_results(path).metrics, name) for path in (run, pruned))
        assert printed["pruning"]["points"][split] == pytest.approx(100 * (after - before), abs=0.6)  # a picture or so
    for folder, earlier in ((run, 1), (pruned, 1)):
        assert [one.who for one in readings(RunFolder(folder))[earlier:]] == ["export"]
    artifact = load(tmp_path / "small.zip")
    assert artifact.description.name == "toy-pruned50" and printed["pruning"]["why"] in artifact.card


@pytest.mark.parametrize("old", [False, True])
def test_pictures_are_prepared_as_for_the_run(old: bool, tmp_path: Path):
    """Runs of before there was a choice had theirs on black, which is not what these light pictures would get."""
    said = ["data.preparation=letterbox", "data.background=black"]
    values = ["data.image_size=28", "data.validation=10", "batch_size=20", "epochs=1", "averaging=null"]
    run = train(tmp_path / "run", write_photos(tmp_path / "photos"), "three-linear", *values, *said)
    for file, key in (("recipe.yaml", "preparation: letterbox"), ("recipe.yaml", "background: black")):
        text = (run / file).read_text()
        assert key in text
        (run / file).write_text(text.replace(key, f"{key.split(':')[0]}: null"))
    if old:
        model = json.loads((run / "model.json").read_text())
        (run / "model.json").write_text(json.dumps({**model, "preparation": None}))
    before, after = load_results(run), load_results(prune_run(run, 0.5))
    assert after.data["sha256"] == before.data["sha256"]
    assert after.spec.preparation == before.spec.preparation and (before.spec.preparation is None) == old
    assert after.spec.preparations == before.spec.preparations
    assert prune_run(run, 0.5) == after.folder.path, "a second time it is there already"


def test_another_run_of_that_name_is_left_alone(toy_run: Path, tmp_path: Path):
    run, other = (shutil.copytree(toy_run, tmp_path / name) for name in ("toy", "toy-pruned25"))
    with pytest.raises(UsageError, match="toy-pruned25 exists and is another run"):
        prune_run(run, 0.25)
    assert load_results(other).recipe == load_results(run).recipe


def test_fewer_channels_and_half_the_epochs():
    quick = recipes.load("quick", [])
    recipe = pruned_recipe(quick, Path("runs/a"), 0.25)
    assert recipe.model.arguments["widths"] == (24, 48, 96) and recipe.epochs == 2
    assert recipe.optimizer.lr == quick.optimizer.lr / 4 and recipe.data == quick.data
    assert recipe.optimizer.others.lr == quick.optimizer.others.lr / 4  # type: ignore[union-attr]
    assert pruned_recipe(recipes.load("three-cnn", []), Path("a"), 0.99).model.arguments["hidden_units"] == 1


@pytest.mark.parametrize(("model", "share", "message"), [
    ("fast", 0.0, "--prune 0: expected a share"), ("fast", 1.0, "--prune 1: expected a share"),
    ("fast", float("nan"), "--prune nan: expected a share"), ("vit", 0.5, "a: model 'vit' cannot be pruned"),
])
def test_mistakes_are_said_in_one_line(model: str, share: float, message: str):
    with pytest.raises(UsageError, match=message) as raised:
        pruned_recipe(recipes.load("three-linear", [f"model={{name: {model}}}"]), Path("a"), share)
    assert "\n" not in str(raised.value)
