"""A run's recipe says everything: later defaults do not change it, and runs from before it did are still runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from fashionlab import recipes
from fashionlab.augment import AUGMENTATIONS, Pipeline
from fashionlab.augment.geometric import Rotation
from fashionlab.augment.geometry import Mode
from fashionlab.common.errors import UsageError
from fashionlab.models import MODELS
from fashionlab.models.catalog import Count, Rate
from fashionlab.recipes import Recipe
from fashionlab.recipes.library import read_yaml
from fashionlab.report.facts import about
from fashionlab.report.figures.augmentation import stages
from fashionlab.report.inputs import ReportInputs
from fashionlab.runs.checkpoint import belongs_to, read_checkpoint, recipe_hash
from fashionlab.runs.folder import ModelSpec, RunFolder
from fashionlab.runs.model import build_model
from fashionlab.runs.pictures import load_recipe
from fashionlab.runs.results import load_results
from fashionlab.studies.adoption import Shelf
from fashionlab.studies.comparison import compare
from fashionlab.training import session
from toy_runs import train

MODEL: dict[str, Any] = {"name": "ablation-main", "filters": 4}
AUGMENT: list[dict[str, Any]] = [{"name": "flip", "alternating": True}, {"name": "rotation", "degrees": 15},
                                 {"name": "mixup"}]
OPTIONS = session.Options(device="cpu", quiet=True)


def write_recipe(path: Path, dataset: Path) -> str:
    values = {"model": MODEL, "augment": AUGMENT, "data": {"dataset": str(dataset), "validation": 100, "limit": 200},
              "batch_size": 50, "epochs": 2, "optimizer": {"name": "adam"}}
    path.write_text(yaml.safe_dump(values))
    return str(path)


def make_old(run: RunFolder) -> RunFolder:
    """Leave out what was left out before: the defaults of the augmentations and of the model's arguments."""
    values = read_yaml(run.recipe)
    run.recipe.write_text(yaml.safe_dump({**values, "model": MODEL, "augment": AUGMENT}, sort_keys=False))
    arguments = {key: value for key, value in MODEL.items() if key != "name"}
    run.model.write_text(json.dumps(json.loads(run.model.read_text()) | {"arguments": arguments}))
    state = read_checkpoint(run.last)
    torch.save({**state, "recipe": recipe_hash(read_yaml(run.recipe))}, run.last)
    return run


@pytest.fixture(scope="module")
def folder(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`mine.yaml`, and under `runs` a finished run of it, `new`, and one from before, `old`."""
    path = tmp_path_factory.mktemp("recipes")
    recipe = write_recipe(path / "mine.yaml", toy_data)
    for name in ("new", "old"):
        train(path / "runs" / name, toy_data, recipe)
    make_old(RunFolder(path / "runs" / "old"))
    return path


def test_recipe_and_model_of_a_run_are_written_in_full(folder: Path) -> None:
    run = RunFolder(folder / "runs" / "new")
    written = read_yaml(run.recipe)
    assert written["model"] == {"name": "ablation-main", "dropout": 0.25, "filters": 4}
    assert written["augment"] == [
        {"name": "flip", "probability": 0.5, "alternating": True},
        {"name": "rotation", "probability": 1.0, "degrees": 15.0, "mode": "zeros"},
        {"name": "mixup", "probability": 1.0, "alpha": 0.2},
    ]
    assert json.loads(run.model.read_text())["arguments"] == {"dropout": 0.25, "filters": 4}


class OtherRotation(Rotation):
    mode: Mode = "border"


def change_defaults(patch: pytest.MonkeyPatch) -> None:
    """Of the rotation, and of both arguments of the network that the runs are of."""
    entry = MODELS["ablation-main"]
    build = entry.build

    def changed(*, classes: int, channels: int, image_size: int, dropout: Rate = 0.9, filters: Count = 64) -> nn.Module:
        return build(classes=classes, channels=channels, image_size=image_size, dropout=dropout, filters=filters)

    patch.setitem(MODELS._entries, "ablation-main", replace(entry, build=changed))
    patch.setitem(AUGMENTATIONS._entries, "rotation", OtherRotation)


def built(recipe: Recipe) -> tuple[object, object]:
    """What a default decides here: how the rotation fills what comes in, and the network's dropout."""
    return Pipeline(recipe.augment).operations[1].model_dump()["mode"], recipe.model.arguments["dropout"]


def test_a_changed_default_changes_no_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder(folder / "runs" / "new")
    before = load_recipe(run)
    change_defaults(monkeypatch)
    assert built(recipes.load(str(folder / "mine.yaml"))) == ("border", 0.9), "the defaults were not changed"
    after = load_recipe(run)
    assert built(after) == built(before) == ("zeros", 0.25)
    assert after.model_dump() == before.model_dump()
    assert belongs_to(read_checkpoint(run.last), read_yaml(run.recipe), after)
    network = build_model(ModelSpec.load(run.model))
    assert {layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)} == {0.25}
    with pytest.raises(UsageError, match=r"another recipe \(model, augment differ\)"):
        session.resume(run.path, recipes.load(str(folder / "mine.yaml")), OPTIONS)


def test_an_older_run_is_a_run_of_the_same_recipe(folder: Path, tmp_path: Path) -> None:
    old, new = (load_results(folder / "runs" / name) for name in ("old", "new"))
    recipe = recipes.load(str(folder / "mine.yaml"))
    assert old.recipe.trains_like(new.recipe) and old.recipe.trains_like(recipe)
    comparison = compare([old, new])
    assert not comparison.differing and len(comparison.groups) == 1
    assert Shelf(folder / "runs", "cpu").take(recipe, tmp_path / "taken")
    other = recipes.load(str(folder / "mine.yaml"), ["augment.1.degrees=16"])
    assert not Shelf(folder / "runs", "cpu").take(other, tmp_path / "other")


def test_an_older_run_is_evaluated_and_reported(folder: Path, cli: Any) -> None:
    run = folder / "runs" / "old"
    before = load_results(run).test.logits
    assert cli("evaluate", run).code == 0
    assert (load_results(run).test.logits == before).all()
    facts = [dict(about(load_results(folder / "runs" / name))) for name in ("old", "new")]
    assert facts[0]["Model"] == "ablation-main (filters=4)" and "dropout=0.25" in facts[1]["Model"]
    shown = [[stage.name for stage in stages(ReportInputs(load_results(folder / "runs" / name)))]
             for name in ("old", "new")]
    assert shown[0] == shown[1] == ["as they are", "flip\nalternating: True", "rotation\ndegrees: 15.0", "mixup",
                                    "whole pipeline"]


def test_an_older_interrupted_run_is_resumed_exactly_and_only_unchanged(folder: Path, tmp_path: Path) -> None:
    recipe = recipes.load(str(folder / "mine.yaml"))
    early = session.start(recipe, tmp_path / "run", replace(OPTIONS, max_minutes=1e-9))
    assert early.read_json(early.metrics)["epochs"] < recipe.epochs
    run = make_old(early)
    text = run.recipe.read_text()
    run.recipe.write_text(text.replace("degrees: 15", "degrees: 16"))
    with pytest.raises(UsageError, match="was changed since the checkpoint"):
        session.resume(run.path, None, OPTIONS)
    run.recipe.write_text(text)
    session.resume(run.path, recipe, replace(OPTIONS, max_minutes=1e-9))
    session.resume(run.path, recipe, OPTIONS)  # the checkpoint was written anew since
    resumed, alone = (read_checkpoint(one.last)["model"] for one in (run, RunFolder(folder / "runs" / "new")))
    assert all(torch.equal(resumed[name], alone[name]) for name in alone)
    run.recipe.write_text(text.replace("filters: 4", "filters: 8"))
    with pytest.raises(UsageError, match="was changed since the checkpoint"):
        session.resume(run.path, None, OPTIONS)


def test_the_hash_in_older_checkpoints_is_known() -> None:
    """The hash is what the code of that time wrote for this file."""
    written = read_yaml(Path(__file__).with_name("unresolved_recipe.yaml"))
    state = {"recipe": "628bcf8bdac225fdc95aee05b6bd110d77cf6ea9ada9be734f4423a912e4b288"}
    recipe = recipes.validate(written, "older")
    assert belongs_to(state, written, recipe)
    written["augment"][1]["degrees"] = 16
    assert not belongs_to(state, written, recipes.validate(written, "changed"))


def test_a_checkpoint_from_before_classes_were_evened_out_is_known() -> None:
    """Keys that a recipe leaves empty do not change its hash: an older release did not know them."""
    recipe = recipes.load("quick")
    older = recipe.model_dump(mode="json")
    del older["data"]["sampler"], older["loss"]["class_weights"]
    assert recipes.validate(older, "older") == recipe
    assert belongs_to({"recipe": recipe_hash(older)}, {}, recipe)
    balanced = recipes.load("quick", ["loss.class_weights=balanced"])
    assert not belongs_to({"recipe": recipe_hash(older)}, {}, balanced) and not balanced.trains_like(recipe)
