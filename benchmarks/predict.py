"""How fast `fashionlab predict` answers: one picture from a cold start, and folders beside their decoding alone.

    python benchmarks/predict.py [--model default] [--pictures 10000] [--photos 2000] [--rounds 3]

Two folders are made from the test split: its pictures as 28 x 28 PNGs, and photos simulated from it (JPEG, 300 pixels
and more). The command answers each, its start included, in turns with what bounds it: every file decoded and brought
into the data's form by as many threads, and no network asked. Writes results/predict.json.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image
from recipe import ROOT

from fashionlab.bench.timing import side_by_side, summary
from fashionlab.common.environment import commit, machine, versions
from fashionlab.common.files import write_json
from fashionlab.common.records import Preparation
from fashionlab.data.held_out import load_test
from fashionlab.preparation import prepare
from fashionlab.preparation.files import in_threads
from fashionlab.preparation.garment.simulate import simulate

SAMPLE = ROOT / "src" / "fashionlab" / "serve" / "static" / "samples" / "coat.png"
STARTS = 9
FORM = Preparation("fashion-mnist", 28, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--photos", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "predict.json")
    words = parser.parse_args()
    images = load_test().images[:, 0]
    with TemporaryDirectory() as temporary:
        folders = {"28 x 28 PNGs": _pngs(Path(temporary) / "png", images[: words.pictures]),
                   "JPEG photos": _photos(Path(temporary) / "jpg", images[: words.photos])}
        write_json(words.out, {
            "command": shlex.join(["python", "benchmarks/predict.py", *sys.argv[1:]]), "commit": commit(),
            "model": words.model, "one_picture": _seconds(words.model),
            "folders": {name: _folder(words.model, folder, words.rounds) for name, folder in folders.items()},
            "machine": machine(), "versions": versions()})
    print(words.out.read_text(encoding="utf-8"))


def _pngs(folder: Path, images: np.ndarray) -> Path:
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:05}.png")
    return folder


def _photos(folder: Path, images: np.ndarray) -> Path:
    folder.mkdir()
    for number, image in enumerate(images):
        (folder / f"{number:05}.jpg").write_bytes(simulate(image, 0, number).jpeg)
    return folder


def _seconds(model: str) -> dict[str, float]:
    """From the command to the answer of one picture."""
    found = []
    for _ in range(STARTS):
        began = time.perf_counter()
        _predict(model, SAMPLE)
        found.append(time.perf_counter() - began)
    return {"median": statistics.median(found), "lowest": min(found), "highest": max(found)}


def _folder(model: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Pictures a second of the command and of the decoding alone."""
    files = sorted(folder.iterdir())

    def command() -> int:
        _predict(model, folder)
        return len(files)

    def decoding() -> int:
        return len(list(in_threads(lambda file: prepare(file, file.name, FORM), files, lambda done: None)))

    rates = side_by_side({"command": command, "decoding": decoding}, rounds)
    return {"pictures": len(files), "command": summary(rates["command"]), "decoding_alone": summary(rates["decoding"])}


def _predict(model: str, what: Path) -> None:
    subprocess.run([sys.executable, "-m", "fashionlab", "predict", model, str(what), "--jsonl"], check=True,
                   capture_output=True)


if __name__ == "__main__":
    main()
