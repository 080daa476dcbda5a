"""The examples run as they stand, on small data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"


def _run(name: str, *arguments: object) -> str:
    command = [sys.executable, "-W", "error", FOLDER / name, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_examples(toy_data, tmp_path):
    assert "600 pictures" in _run("1_data.py", toy_data)
    assert "equal pictures: True" in _run("2_augment.py")
    assert _run("3_model.py").count("parameters") == 3
    run = tmp_path / "run"
    assert "epoch 2" in _run("4_train.py", run, f"data.dataset={toy_data}", "epochs=2", "data.limit=300")
    assert "was taken for" in _run("5_evaluate.py", run)


def test_all_are_tried_and_short():
    source = Path(__file__).read_text()
    files = sorted(FOLDER.glob("*.py"))
    assert files
    for file in files:
        assert f'"{file.name}"' in source, f"{file.name} is run by no test"
        assert len(file.read_text().splitlines()) <= 40
