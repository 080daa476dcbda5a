"""Every recipe file is valid, says what it is, and survives being written out."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml

from fashionlab import recipes
from fashionlab.augment import AUGMENTATIONS
from fashionlab.common.errors import UsageError
from fashionlab.models import MODELS
from fashionlab.recipes.library import FOLDER

FILES = sorted(FOLDER.rglob("*.yaml"))
REFERENCE_TEXTS = {"000_fc03df10ce06c9e4.txt", "001_b66cf1485bd7f7c5.txt", "002_42d02b34af2b11fc.txt",
                   "003_c0ea5a4b0d72b5df.txt", "004_6dd8da4a79db1f49.txt"}


def test_there_are_recipes_and_names_are_unique():
    assert len(FILES) >= 14
    assert len({path.stem for path in FILES}) == len(FILES) == len(recipes.names())


every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@every_file
def test_recipe(path: Path):
    recipe = recipes.load(path.stem)
    assert recipe.description
    first = path.read_text(encoding="utf-8").splitlines()[0]
    command = "fashionlab train" if path.stem == "quick" else f"fashionlab train {path.stem}"
    assert first == f"# {command}", "a recipe opens with its command"
    assert recipes.validate(yaml.safe_load(recipes.to_yaml(recipe)), "again") == recipe
    if path.parent.name == "reference":
        assert recipe.expected is not None and recipe.expected.source in REFERENCE_TEXTS


@every_file
def test_every_argument_and_every_field_is_written_out(path: Path):
    written = yaml.safe_load(recipes.to_yaml(recipes.load(path.stem)))
    assert_full_model(written["model"])
    for operation in written["augment"]:
        assert operation.keys() == {"name", *AUGMENTATIONS[operation["name"]].model_fields}


def assert_full_model(written: dict[str, Any]) -> None:
    """All that the builder takes but what the data decide; the same of the members of an ensemble."""
    parameters = inspect.signature(MODELS[written["name"]].build).parameters.keys()
    assert written.keys() == {"name", *parameters} - {"classes", "channels", "image_size"}
    for member in written.get("members", []):
        assert_full_model(member)


def test_members_of_an_ensemble_are_written_out():
    members = "[{name: fast, widths: [8]}, {name: ensemble, members: [{name: vit}, {name: logistic}]}]"
    recipe = recipes.load("tiny", [f"model={{name: ensemble, members: {members}}}"])
    written = yaml.safe_load(recipes.to_yaml(recipe))
    assert_full_model(written["model"])
    assert written["model"]["members"][0]["widths"] == [8] and written["model"]["members"][0]["depth"] == 2
    assert written["model"]["members"][1]["members"][0]["patch"] == 4
    assert recipes.validate(written, "again") == recipe


@pytest.mark.parametrize(("override", "message"), [
    ("model={name: ensemble, members: [{name: fsat}, {name: vit}]}", "'fsat'; did you mean 'fast'"),
    ("model={name: ensemble, members: [{name: fast, dept: 2}, {name: vit}]}", "'dept'; did you mean 'depth'"),
    ("model={name: ensemble, members: [{nam: fast}, {name: vit}]}", "a model needs a name"),
    ("model={name: ensemble, members: [3, {name: vit}]}", "members.0 = 3"),
    ("model={name: fast, 3: 4}", "argument of model 'fast': '3'"), ("model={}", "model.name: field required"),
    ("model=fast", "model: input should be a valid dictionary"), ("augment=3", "augment: input should be a valid list"),
    ("augment=[3]", "an augmentation needs a name"), ("augment.0=flip", "an augmentation needs a name"),
])
def test_a_mistake_in_a_model_or_an_augmentation_is_named(override: str, message: str):
    with pytest.raises(UsageError, match="quick with --set") as caught:
        recipes.load("quick", [override])
    assert message in str(caught.value) and "\n" not in str(caught.value)
