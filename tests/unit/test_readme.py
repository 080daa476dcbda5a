"""What README and other pages say was measured is what results/ holds; README stays short."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from fashionlab import recipes

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("readme", ROOT / "benchmarks" / "readme.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))  # as when it runs as a script
        spec.loader.exec_module(module)
    return module


def test_figures_are_those_of_the_results(generator):
    pages = {name: (ROOT / name).read_text(encoding="utf-8") for name in generator.PAGES}
    assert set(re.findall(r"<!-- results:([a-z-]+) -->", "".join(pages.values()))) == set(generator.BLOCKS)
    for name, text in pages.items():
        assert generator.render(text) == text, f"{name} is stale: run python benchmarks/readme.py"


def test_the_chart_has_every_point(generator):
    drawn = (generator.FIGURES / "accuracy-against-time.svg").read_text(encoding="utf-8")
    points = generator.points()
    assert {"ours", "reference", "plain"} == {one.kind for one in points}
    for one in points:
        assert f">{one.name}" in drawn, f"{one.name} is not in it: run python benchmarks/readme.py"


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_says_where_its_figures_are(name, generator):
    text = recipes.find(name).read_text(encoding="utf-8")
    assert len(generator.MEASURED.findall(text)) == 1
    assert generator.header(name, text) == text, "stale: run python benchmarks/readme.py"


def test_readme_is_read_at_a_glance():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 90
