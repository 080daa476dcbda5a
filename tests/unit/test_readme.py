"""What README says was measured is what results/ holds, and what it shows exists."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from fashionlab import recipes
from fashionlab.cli.main import COMMANDS
from fashionlab.reproduction.systems import systems

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("readme", ROOT / "benchmarks" / "readme.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_figures_are_those_of_the_results(generator):
    assert set(re.findall(r"<!-- results:([a-z-]+) -->", README)) == set(generator.BLOCKS)
    assert generator.render(README) == README, "stale: run python benchmarks/readme.py"


@pytest.mark.parametrize("system", systems(), ids=lambda system: system.id)
def test_a_recipe_says_where_its_figures_are(system, generator):
    text = recipes.find(system.id).read_text(encoding="utf-8")
    assert len(generator.MEASURED.findall(text)) == 1
    assert generator.header(system.id, text) == text, "stale: run python benchmarks/readme.py"


@pytest.mark.parametrize("line", sorted(set(re.findall(r"^fashionlab .*", README, re.MULTILINE))))
def test_commands_that_it_shows_exist(line):
    assert shlex.split(line, comments=True)[1] in COMMANDS


def test_files_that_it_names_exist():
    for name in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / name).exists(), name
