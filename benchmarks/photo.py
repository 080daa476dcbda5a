"""Measure how well photos are brought into the data's form, and keep the figures.

    python benchmarks/photo.py [--model MODEL] [--split test] [-n N] [--seed 0] [--out FILE] [--sheet FILE.png]

Every picture of the split is answered twice: as it is, and as a photo simulated from it (`garment.simulate`).
Writes results/photo.json: both accuracies, and their difference picture by picture, over all and by the kind of
background, the rotation and the JPEG quality; and the same of the plain way, the whole photo inverted and shrunk.
What was tuned was tuned with `--split val`, the run's own validation pictures; the test split is only scored.
"""

from __future__ import annotations

import argparse
import io
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from fashionlab.common.environment import commit, machine, versions
from fashionlab.common.errors import DataError
from fashionlab.common.files import write_json
from fashionlab.common.records import Preparation
from fashionlab.data import load_training
from fashionlab.data.held_out import load_test
from fashionlab.deploy.classifier import Classifier
from fashionlab.deploy.opening import open_classifier
from fashionlab.evaluation.proportions import share
from fashionlab.preparation import prepare
from fashionlab.preparation.garment.simulate import BACKGROUNDS, Simulated, simulate
from fashionlab.preparation.ways.letterbox import fit
from fashionlab.runs.folder import RunFolder
from fashionlab.runs.readings import record_reading

ROOT = Path(__file__).parents[1]
FORM = Preparation("fashion-mnist", 28, 1)
GOAL = 2.0  # points that simulated photos may cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--split", choices=("test", "val"), default="test")
    parser.add_argument("-n", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "photo.json")
    parser.add_argument("--sheet", type=Path, help="also draw the first photos that are told wrongly")
    words = parser.parse_args()
    classifier = open_classifier(words.model)
    images, labels = _pictures(words.split, Path(words.model), words.n)
    result = measure(classifier, images, labels, words.seed, words.sheet)
    command = f"python benchmarks/photo.py --model {words.model} --split {words.split} -n {words.n} --seed {words.seed}"
    write_json(words.out, {"command": command, "commit": commit(), "split": words.split, "seed": words.seed, **result,
                           "machine": machine(), "versions": versions()})
    print(f"{words.out}: {result['plain']['estimate']:.2%} as they are, {result['photos']['estimate']:.2%} as photos, "
          f"{result['points']['estimate']:+.2f} points ({result['points']['low']:+.2f} to "
          f"{result['points']['high']:+.2f}); the whole photo inverted and shrunk {result['whole']['estimate']:.2%}")


def _pictures(split: str, model: Path, n: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [N, 1, 28, 28] and labels; validation pictures are those of the run `model`."""
    if split == "test":
        found = load_test()
        if RunFolder(model).model.is_file():
            record_reading(RunFolder(model), "benchmarks/photo.py", "measuring simulated photos")
        rows = np.arange(min(n, len(found)))
    else:
        found = load_training()
        with np.load(RunFolder(model).split) as saved:
            rows = saved["validation"][:n]
    return np.array(found.images[rows]), found.labels[rows]


def measure(classifier: Classifier, images: np.ndarray, labels: np.ndarray, seed: int,
            sheet: Path | None) -> dict[str, Any]:
    """What results/photo.json holds; accuracies and points as Intervals (Wilson's; Student's over pictures)."""
    photos = [simulate(picture[0], seed, index) for index, picture in enumerate(images)]
    began = time.process_time()
    found = np.stack([_found(photo) for photo in photos])
    milliseconds = (time.process_time() - began) / len(photos) * 1000
    right = {"plain": _right(classifier, images, labels), "photos": _right(classifier, found, labels),
             "whole": _right(classifier, np.stack([_whole(photo) for photo in photos]), labels)}
    if sheet:
        _draw(sheet, images, photos, found, np.flatnonzero(right["plain"] & ~right["photos"])[:48])
    every = np.ones(len(photos), dtype=bool)
    return {"n": len(photos), "goal_points": -GOAL, "cpu_milliseconds_a_photo": round(milliseconds, 2),
            **_row(right, every), "by": {name: _row(right, rows) for name, rows in _groups(photos).items()}}


def _found(photo: Simulated) -> np.ndarray:
    """The garment found; black where none is, which no network is right about by more than chance."""
    try:
        return prepare(photo.jpeg, "photo", FORM)
    except DataError:
        return np.zeros((1, 28, 28), dtype=np.uint8)


def _whole(photo: Simulated) -> np.ndarray:
    with Image.open(io.BytesIO(photo.jpeg)) as opened:
        return np.asarray(fit(ImageOps.invert(opened.convert("L")), 28, 28))[None]


def _right(classifier: Classifier, pictures: np.ndarray, labels: np.ndarray) -> np.ndarray:
    parts = [classifier.answer(pictures[start : start + 1000]) for start in range(0, len(pictures), 1000)]
    return np.concatenate([part.probabilities.argmax(axis=1) for part in parts]) == labels


def _groups(photos: list[Simulated]) -> dict[str, np.ndarray]:
    kinds = np.array([photo.background for photo in photos])
    degrees = np.abs([photo.degrees for photo in photos])
    quality = np.array([photo.quality for photo in photos])
    return {**{f"background {kind}": kinds == kind for kind in BACKGROUNDS},
            "rotation below 2 degrees": degrees < 2, "rotation from 2 degrees": degrees >= 2,
            "JPEG quality below 75": quality < 75, "JPEG quality from 75": quality >= 75}


def _row(right: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, Any]:
    n = int(rows.sum())
    cost = 100 * (right["photos"][rows].astype(float) - right["plain"][rows])
    half = 1.96 * float(cost.std(ddof=1)) / n**0.5
    mean = float(cost.mean())
    accuracies = {name: asdict(share(int(values[rows].sum()), n)) for name, values in right.items()}
    return {"n": n, **accuracies, "points": {"estimate": mean, "low": mean - half, "high": mean + half, "level": 0.95}}


def _draw(path: Path, images: np.ndarray, photos: list[Simulated], found: np.ndarray, rows: np.ndarray) -> None:
    """Six times picture, photo and what was found in a row, each 84 pixels square."""
    edge, gap, columns = 84, 4, 6
    sheet = Image.new("RGB", (columns * 3 * (edge + gap), -(-len(rows) // columns) * (edge + gap)), (70, 70, 110))
    for place, row in enumerate(rows):
        with Image.open(io.BytesIO(photos[row].jpeg)) as opened:
            shown = [Image.fromarray(images[row, 0]), opened.copy(), Image.fromarray(found[row, 0])]
        for column, picture in enumerate(shown):
            picture = picture.convert("RGB")
            scaled = ImageOps.contain(picture, (edge, edge), Image.Resampling.NEAREST if picture.width == 28
                                      else Image.Resampling.BICUBIC)
            sheet.paste(scaled, ((place % columns * 3 + column) * (edge + gap), place // columns * (edge + gap)))
    sheet.save(path)


if __name__ == "__main__":
    main()
