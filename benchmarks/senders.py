"""Cross-validation by sender of a recipe on photographs: every picture is judged once, by a network that has seen none
of its sender's.

    python benchmarks/senders.py FOLDER [--recipe photos] [--folds 5] [--parts train validation test]

FOLDER: the copy of clothing-photos with labels.csv, whose column `sender` says who sent a picture. Each fold is a data
set of links, trained by `fashionlab train` with no validation part and judged on the senders left out. Writes
results/senders.json: accuracy over all pictures, its interval by bootstrap of whole senders, and every fold's. Folds
that are finished under runs/ are not trained again. With `--parts train validation` it is the measure that recipes are
chosen by, and nothing is written.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from recipe import ROOT
from sklearn.model_selection import StratifiedGroupKFold

from fashionlab.common.environment import commit, machine, versions
from fashionlab.common.files import write_json
from fashionlab.common.records import Predictions
from fashionlab.runs.folder import RunFolder, open_run

RESAMPLED = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", default="photos")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--parts", nargs="+", default=["train", "validation", "test"])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the recipe")
    parser.add_argument("--name", default="senders", help="of the runs")
    words = parser.parse_args()
    with (words.folder / "labels.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["part"] in words.parts]
    senders, labels = np.array([row["sender"] for row in rows]), np.array([row["label"] for row in rows])
    folds = StratifiedGroupKFold(words.folds, shuffle=True, random_state=0).split(rows, labels, senders)
    right, figures = np.zeros(len(rows), dtype=bool), []
    for number, (train, left_out) in enumerate(folds):
        name = f"{words.name}-{words.recipe}-{number}"
        data = ROOT / "runs" / f"{name}-data"
        linked(data, words.folder, rows, {"train": train, "test": left_out})
        run = trained(words, name, data, number)
        metrics, predictions = run.read_metrics(), Predictions.load(run.predictions("test"))
        order = np.argsort([Path(rows[index]["file"]).name for index in left_out], kind="stable")
        right[left_out[order]] = predictions.predicted == predictions.labels
        figures.append({"fold": number, "pictures": len(left_out), "senders": len(set(senders[left_out])),
                        "accuracy": metrics.test.accuracy, "train_seconds": metrics.train_seconds})
        print(figures[-1], flush=True)
    assert np.isclose(right.mean(), np.average([one["accuracy"] for one in figures],
                                               weights=[one["pictures"] for one in figures]))
    interval = by_sender(right, senders)
    print(f"accuracy {right.mean():.4f}, 95 % by sender {interval}")
    if set(words.parts) == {"train", "validation", "test"}:
        write_json(ROOT / "results" / "senders.json", {
            "command": f"python benchmarks/senders.py FOLDER --recipe {words.recipe} --folds {words.folds}",
            "commit": commit(), "recipe": words.recipe, "pictures": len(rows), "senders": len(set(senders)),
            "accuracy": float(right.mean()), "interval": interval, "folds": figures, "machine": machine(),
            "versions": versions()})


def linked(target: Path, folder: Path, rows: list[dict[str, str]], parts: dict[str, np.ndarray]) -> None:
    """A data set at `target` of links to the pictures, part by part and class by class."""
    if target.is_dir():
        shutil.rmtree(target)
    for part, indices in parts.items():
        for index in indices:
            link = target / part / rows[index]["label"] / Path(rows[index]["file"]).name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to((folder / rows[index]["file"]).resolve())


def trained(words: argparse.Namespace, name: str, data: Path, seed: int) -> RunFolder:
    folder = ROOT / "runs" / name
    run = RunFolder(folder)
    if not run.status.is_file() or run.read_json(run.status)["state"] != "complete":
        changes = [word for change in ("data.validation=0", *words.set) for word in ("--set", change)]
        subprocess.run([sys.executable, "-m", "fashionlab", "train", words.recipe, "--dataset", str(data), "--seed",
                        str(seed), "--runs", str(folder.parent), "--name", name, "--overwrite", *changes],
                       stdout=subprocess.DEVNULL, check=True)
    return open_run(folder)


def by_sender(right: np.ndarray, senders: np.ndarray) -> list[float]:
    """The interval (95 %) of accuracy over other senders: whole senders are drawn, with all of their pictures."""
    _, place = np.unique(senders, return_inverse=True)
    counts, hits = np.bincount(place), np.bincount(place, weights=right)
    drawn = np.random.default_rng(0).integers(0, len(counts), (RESAMPLED, len(counts)))
    return [float(one) for one in np.quantile(hits[drawn].sum(1) / counts[drawn].sum(1), [0.025, 0.975])]


if __name__ == "__main__":
    main()
