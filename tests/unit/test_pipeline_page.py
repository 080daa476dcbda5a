"""docs/pipeline.md says what the code is: its floors, its stages, and the files of its three ways."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "fashionlab"
PAGE = (ROOT / "docs" / "pipeline.md").read_text(encoding="utf-8")
STAGES = {path.stem for path in PACKAGE.iterdir()
          if path.name not in ("__init__.py", "__main__.py", "__pycache__", "py.typed")}


def test_the_floors_are_those_that_are_checked():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    floors = [set(re.findall(r"\w+", layer)) for layer in contracts[0]["layers"]]
    drawn = re.search(r"## The floors.*?```\n(.*?)```", PAGE, re.DOTALL)
    assert drawn
    shown = [set(line[:50].split()) for line in drawn.group(1).splitlines()]  # what each does stands to the right
    assert shown == floors


def test_the_table_names_every_stage():
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == STAGES


def test_every_stage_says_what_it_takes_and_gives():
    for stage in STAGES:
        path = PACKAGE / stage / "__init__.py" if (PACKAGE / stage).is_dir() else PACKAGE / f"{stage}.py"
        assert path.read_text(encoding="utf-8").startswith('"""'), stage


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z_]+/[\w/]*(?:\.py|\.yaml|/)?)`", PAGE))))
def test_files_that_it_names_exist(name: str):
    if name.split("/")[0] in STAGES:
        assert (PACKAGE / name).exists() or (PACKAGE / f"{name}.py").exists(), name
