"""The examples run as they stand, on small data, and use the front door alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

FOLDER = Path(__file__).parents[2] / "examples"
NOTEBOOK = FOLDER.parent / "notebooks" / "fashion_mnist.py"


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
    first, second = tmp_path / "first", tmp_path / "second"
    assert "epoch 2" in _run("4_train.py", first, f"data.dataset={toy_data}", "epochs=2", "data.limit=300")
    assert "was taken for" in _run("5_evaluate.py", first)
    _run("4_train.py", second, f"data.dataset={toy_data}", "epochs=1", "data.limit=300")
    assert "p = " in _run("6_compare.py", first, second)
    Image.new("L", (60, 80), 250).save(tmp_path / "white.png")
    answers = _run("7_predict_and_ship.py", first, tmp_path / "white.png").splitlines()
    assert len(answers) == 2 and all(line.startswith(f"{tmp_path / 'white.png'}: ") for line in answers)


def test_all_are_tried_and_short():
    source = Path(__file__).read_text()
    files = sorted(FOLDER.glob("*.py"))
    assert files
    for file in files:
        assert f'"{file.name}"' in source, f"{file.name} is run by no test"
        assert len(file.read_text().splitlines()) <= 40


def test_they_use_the_front_door_alone():
    for file in [*FOLDER.glob("*.py"), NOTEBOOK]:
        imports = re.findall(r"^\s*(?:from|import) (fashionlab.*)$", file.read_text(), re.MULTILINE)
        assert imports == ["fashionlab as fl"], file.name
