"""Two things on one photo are told: a pair that failed for a real user, and pairs drawn side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from conftest import Result
from fashionlab.data import load_training
from fashionlab.preparation.garment.form import things
from garments import photo
from shared_data import shared_case

Cli = Callable[..., Result]


def test_they_are_counted_as_scipy_counts_them() -> None:
    images = load_training().images[:300, 0]
    for image in images:
        parts, _ = ndimage.label(image > 40, np.ones((3, 3)))
        areas = np.bincount(parts.ravel())[1:]
        assert things(image) == (np.count_nonzero(areas >= 0.4 * areas.max()) if len(areas) else 0)
    assert np.mean([things(image) > 1 for image in images]) < 0.03
    assert things(np.zeros((28, 28), np.uint8)) == 0


@pytest.mark.parametrize("kind", ["shirt", "shoe", "trousers"])
def test_a_pair_is_told_and_one_is_not(cli: Cli, tmp_path: Path, kind: str) -> None:
    one = photo(kind, 120, canvas=(200, 200))
    Image.fromarray(one).save(tmp_path / "one.png")
    Image.fromarray(np.concatenate([one, one], axis=1)).save(tmp_path / "pair.png")
    done = cli("predict", "default", tmp_path, "--json")
    assert done.code == 0
    remarks = {Path(one["file"]).name: one.get("remark", "") for one in json.loads(done.out)["predictions"]}
    assert remarks["one.png"] == "" and remarks["pair.png"].startswith("2 separate things")
    assert "pair.png: 2 separate things" in done.err


def test_the_pairs_of_a_real_user_are_told(cli: Cli) -> None:
    done = cli("predict", "default", shared_case("photo_pair"), "--json")
    assert all(one["remark"].startswith("2 separate things") for one in json.loads(done.out)["predictions"])
