"""Runs small enough to be trained within a test, and data that is awkward to draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from fashionlab import recipes
from fashionlab.evaluation.run import conclude
from fashionlab.training import session

LONG_NAMES = "a very long name of a class of sleeves, short", "a very long name of a class of sleeves, $long$ & <wide>"


def train(folder: Path, dataset: Path, recipe: str, *overrides: str) -> Path:
    """Train and evaluate `recipe` on the data set at `dataset` into `folder`; `overrides` as for --set."""
    options = session.Options(device="cpu", quiet=True, command=["fashionlab", "train"])
    run = session.start(recipes.load(recipe, [f"data.dataset={dataset}", *overrides]), folder, options)
    conclude(run, data_dir=options.data_dir, device=options.device)
    return run.path


def write_two_classes(path: Path, seed: int = 3) -> Path:
    """An NPZ data set of colour pictures 16 x 16 in two classes with LONG_NAMES: 120 for training, 30 for test."""
    draw = np.random.default_rng(seed)
    arrays = {}
    for part, n in (("train", 120), ("test", 30)):
        labels = np.arange(n) % 2
        pictures = draw.integers(0, 160, (n, 16, 16, 3), dtype=np.uint8)
        pictures[labels == 1, 4:12, 4:12, 0] += 60
        arrays |= {f"x_{part}": pictures, f"y_{part}": labels}
    np.savez(path, **arrays, classes=np.array(LONG_NAMES))
    return path


def write_photos(path: Path, seed: int = 0) -> Path:
    """Class folders of 30 light colour pictures 40 x 50 each, called by one of five senders: `s3_12.png`."""
    draw = np.random.default_rng(seed)
    for label, name in enumerate(("hat", "sock")):
        (path / name).mkdir(parents=True)
        for number in range(30):
            pixels = draw.integers(200, 256, (40, 50, 3), dtype=np.uint8)
            pixels[10:30, 10:30, label] -= 100
            Image.fromarray(pixels).save(path / name / f"s{number % 5}_{number:02}.png")
    return path
