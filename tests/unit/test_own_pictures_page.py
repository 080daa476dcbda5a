"""docs/own-pictures.md against the code: every way is told, and every line on what is read has a test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fashionlab.preparation import WAYS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "own-pictures.md").read_text(encoding="utf-8")
READ = [line for line in PAGE[PAGE.index("## What is read"):].splitlines()
        if line.startswith("| ") and not line.startswith(("| what lies there", "| ---"))]
TESTS: dict[str, str] = {}
for path in (ROOT / "tests").rglob("test_*.py"):  # two folders may have a file of one name
    TESTS[path.name] = TESTS.get(path.name, "") + path.read_text(encoding="utf-8")


@pytest.mark.parametrize("way", WAYS.names())
def test_every_way_is_told(way: str) -> None:
    assert f"| `{way}` | {WAYS[way].what} |" in PAGE


def test_there_are_lines() -> None:
    assert len(READ) > 40


@pytest.mark.parametrize("line", READ)
def test_every_line_has_a_test(line: str) -> None:
    named = re.search(r"<!-- (.*?) -->", line)
    assert named, "a line without tests"
    file = ""
    for word in named[1].split(", "):
        file, _, test = word.rpartition("::") if "::" in word else (file, "", word)
        assert f"def {test}(" in TESTS[file], word
