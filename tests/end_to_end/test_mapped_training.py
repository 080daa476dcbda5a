"""A training whose pictures are mapped from the disk gives what one with pictures in memory gives, bit for bit."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

import fashionlab as fl
from fashionlab.data import load_training
from fashionlab.data.held_out import load_test

pytestmark = pytest.mark.slow

TIMES = {"seconds", "images_per_second"}


def _photos(path: Path) -> Path:
    """Colour pictures of different sizes in two classes; at 48 pixels the training part is above one mebibyte."""
    draw = np.random.default_rng(4)
    for part, n in (("train", 180), ("test", 30)):
        for index in range(n):
            pixels = draw.integers(0, 120, (40 + index % 7, 50, 3), dtype=np.uint8)
            pixels[10:30, 10:30, index % 2] += 120
            file = path / part / ("hat", "sock")[index % 2] / f"{index:03}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
    return path


def _arrays(path: Path) -> Path:
    """The same as .npy files, which are mapped as they are."""
    pictures = _photos(path / "photos")
    (path / "arrays").mkdir()
    for part, load in (("train", load_training), ("test", load_test)):
        read = load(str(pictures), image_size=48)
        np.save(path / "arrays" / f"x_{part}.npy", read.images)
        np.save(path / "arrays" / f"y_{part}.npy", read.labels)
    return path / "arrays"


def _history(run: fl.Run) -> list[dict[str, str]]:
    with (run.path / "metrics.csv").open(newline="") as stream:
        return [{key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(stream)]


@pytest.mark.parametrize("budget", ["0", "1"])
@pytest.mark.parametrize("make", [_photos, _arrays])
def test_a_mapped_training_is_the_same(make, budget: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "first"))
    path = make(tmp_path / "set")
    runs = []
    for name, allowed in (("memory", "1024"), ("mapped", budget)):
        monkeypatch.setenv("FASHIONLAB_MEMORY_BUDGET_MB", allowed)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        assert isinstance(load_training(str(path), image_size=48).images, np.memmap) == (name == "mapped")
        runs.append(fl.train("small", dataset=path, runs=tmp_path / "runs", name=name, seed=3, quiet=True, device="cpu",
                             overrides={"epochs": 2, "batch_size": 32, "data.image_size": 48, "precision": "float32",
                                        "model.widths": [8, 8, 8]}))
    in_memory, mapped = runs
    weights = [load_file(run.path / "checkpoints" / "averaged.safetensors") for run in runs]
    assert weights[0].keys() == weights[1].keys()
    for name, values in weights[0].items():
        np.testing.assert_array_equal(values, weights[1][name], name)
    for split in ("val", "test"):
        np.testing.assert_array_equal(in_memory.predictions(split).logits, mapped.predictions(split).logits)
    assert _history(in_memory) == _history(mapped)
    # A run does not depend on how its pictures were held.
    monkeypatch.setenv("FASHIONLAB_MEMORY_BUDGET_MB", "1024")
    expected = mapped.predictions("val").logits
    mapped.evaluate("val")
    np.testing.assert_array_equal(mapped.predictions("val").logits, expected)
