"""What is chosen for people's own pictures is said once, with its reason, and is the same wherever it is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fashionlab as fl
from fashionlab.common.errors import UsageError
from fashionlab.recipes import load_fitted


def folder(path: Path, side: int = 28, pictures: int = 12, classes: tuple[str, ...] = ("hat", "sock")) -> Path:
    rng = np.random.default_rng(0)
    for name in classes:
        (path / name).mkdir(parents=True)
        for index in range(pictures):
            Image.fromarray(rng.integers(0, 255, (side, side, 3), np.uint8)).save(path / name / f"{index}.png")
    return path


@pytest.mark.parametrize("side", [8, 28, 40, 64, 65, 96, 200])
def test_what_info_says_of_the_size_is_what_training_takes(tmp_path: Path, side: int) -> None:
    data = folder(tmp_path / "own", side)
    recipe = load_fitted(None, {"data.dataset": str(data)}).recipe
    assert fl.datasets.info(data)["preparation"]["size"] == (recipe.data.image_size or side)


def test_an_operation_with_two_lengths_is_one_sentence(tmp_path: Path) -> None:
    notes = load_fitted("quick", {"data.dataset": str(folder(tmp_path / "own", 200))}).notes
    augment = [note for note in notes if note.startswith("augment")]
    assert augment == ["augment shift: x 2 pixels, not 1, y 2 pixels, not 1"]


def test_a_validation_part_that_leaves_nothing_names_the_key(tmp_path: Path) -> None:
    data = folder(tmp_path / "own")
    with pytest.raises(UsageError, match=r"data\.validation 300: .*own has 20 training pictures; leave it out"):
        load_fitted(None, {"data.dataset": str(data), "data.validation": 300})


def test_pictures_are_looked_at_once_to_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fashionlab.data import decode

    seen, survey = [], decode.survey
    monkeypatch.setattr(decode, "survey", lambda paths: seen.append(len(paths)) or survey(paths))
    fitted = load_fitted(None, {"data.dataset": str(folder(tmp_path / "own"))})
    assert (seen, fitted.name) == ([20], "quick")
