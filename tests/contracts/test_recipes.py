"""Every recipe file is valid, says what it is, and survives being written out."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from fashionlab import recipes
from fashionlab.recipes.library import FOLDER

FILES = sorted(FOLDER.rglob("*.yaml"))
REFERENCE_TEXTS = {"000_fc03df10ce06c9e4.txt", "001_b66cf1485bd7f7c5.txt", "002_42d02b34af2b11fc.txt",
                   "003_c0ea5a4b0d72b5df.txt", "004_6dd8da4a79db1f49.txt"}


def test_there_are_recipes_and_names_are_unique():
    assert len(FILES) >= 14
    assert len({path.stem for path in FILES}) == len(FILES) == len(recipes.names())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_recipe(path: Path):
    recipe = recipes.load(path.stem)
    assert recipe.description
    first = path.read_text(encoding="utf-8").splitlines()[0]
    command = "fashionlab train" if path.stem == "quick" else f"fashionlab train {path.stem}"
    assert first == f"# {command}", "a recipe opens with its command"
    assert recipes.validate(yaml.safe_load(recipes.to_yaml(recipe)), "again") == recipe
    if path.parent.name == "reference":
        assert recipe.expected is not None and recipe.expected.source in REFERENCE_TEXTS
