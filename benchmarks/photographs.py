"""The recipe `photos` beside the plain ways: accuracy and time on clothing-photos, side by side in one run.

    python benchmarks/photographs.py FOLDER [--seeds 5]

FOLDER: the data set clothing-photos, originals or the copy reduced to 224 pixels (the figures say which). Every seed is
trained in every way, each in a process of its own and timed whole, from the files to the judged model: frozen features
with scikit-learn, fine-tuning as a tutorial does it (both in benchmarks/plain_ways.py), `fashionlab train photos`, and
the same for three epochs. The order turns from seed to seed. The test part is read once a training, at its end.
Writes results/photographs.json after every training; those that it holds already are not done again, unless the recipe
has changed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recipe import ROOT, summarise

from fashionlab import recipes
from fashionlab.common.environment import commit, machine, versions
from fashionlab.common.files import write_json
from fashionlab.data import load_training
from fashionlab.runs.folder import open_run

OUT = ROOT / "results" / "photographs.json"
FIGURES = ("validation_accuracy", "test_accuracy", "seconds")


def plain(way: str) -> Callable[[Path, int], dict[str, Any]]:
    def measure(folder: Path, seed: int) -> dict[str, Any]:
        command = [sys.executable, str(ROOT / "benchmarks" / "plain_ways.py"), way, str(folder), "--seed", str(seed)]
        start = time.perf_counter()
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = json.loads(printed.splitlines()[-1])
        return {"seconds": time.perf_counter() - start, "validation_accuracy": found["validation"],
                "test_accuracy": found["test"]}

    return measure


def own(*changes: str) -> Callable[[Path, int], dict[str, Any]]:
    def measure(folder: Path, seed: int) -> dict[str, Any]:
        name = "-".join(["benchmark-photos", *changes, f"s{seed}"])
        command = [sys.executable, "-m", "fashionlab", "train", "photos", "--data-dir", str(folder), "--seed",
                   str(seed), "--runs", str(ROOT / "runs"), "--name", name, "--overwrite",
                   *(word for change in changes for word in ("--set", change))]
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        seconds = time.perf_counter() - start
        run = open_run(ROOT / "runs" / name)
        metrics, environment = run.read_metrics(), run.read_json(run.environment)
        assert metrics.val is not None
        return {"seconds": seconds, "validation_accuracy": metrics.val.accuracy, "test_accuracy": metrics.test.accuracy,
                "train_seconds": metrics.train_seconds, "precision": environment["precision"],
                "threads": environment["threads"]}

    return measure


WAYS = {"frozen features": plain("frozen"), "fine-tuning of a tutorial": plain("fine-tuning"), "photos": own(),
        "photos, 3 epochs": own("epochs=3")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    words = parser.parse_args()
    recipe = recipes.load("photos").model_dump(mode="json")
    kept = json.loads(OUT.read_text()) if OUT.is_file() else {}
    seeds: list[dict[str, Any]] = kept["seeds"] if kept.get("recipe") == recipe else []
    source = load_training("clothing-photos", data_dir=words.folder, image_size=32, square=True).source
    for seed in range(words.seeds):
        for place in range(len(WAYS)):
            way = list(WAYS)[(seed + place) % len(WAYS)]
            if any((one["way"], one["seed"]) == (way, seed) for one in seeds):
                continue
            seeds.append({"way": way, "seed": seed, "commit": commit(), **WAYS[way](words.folder, seed)})
            print(way, *(f"{name} {seeds[-1][name]:.4g}" for name in FIGURES), flush=True)
            summary = {way: {name: summarise([one[name] for one in seeds if one["way"] == way]) for name in FIGURES}
                       for way in WAYS}
            write_json(OUT, {"command": f"python benchmarks/photographs.py FOLDER --seeds {words.seeds}",
                             "data": source, "recipe": recipe, "machine": machine(), "versions": versions(),
                             "summary": summary, "seeds": seeds})


if __name__ == "__main__":
    main()
