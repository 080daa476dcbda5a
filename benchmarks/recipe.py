"""Train a recipe with several seeds, one after another, and keep what came out.

    python benchmarks/recipe.py quick 5        recipe and number of seeds; writes results/quick.json

Every seed is a run of `fashionlab train` as a person types it; the test split is read once a seed, at its end.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import stats

from fashionlab.environment import commit, machine, versions
from fashionlab.files import write_json

ROOT = Path(__file__).parents[1]
KEPT = ("test_accuracy", "val_accuracy", "macro_f1", "nll", "ece", "train_seconds", "images_per_second", "data_share",
        "epochs", "parameters")


def summarise(values: list[float]) -> dict[str, float | int | list[float] | None]:
    """Mean, sample deviation and the t interval (95 %) of a mean over seeds; no interval for one seed."""
    n = len(values)
    mean = float(np.mean(values))
    if n < 2:
        return {"mean": mean, "n": n, "sd": None, "interval": None}
    sd = float(np.std(values, ddof=1))
    half = float(stats.t.ppf(0.975, n - 1)) * sd / n**0.5
    return {"mean": mean, "n": n, "sd": sd, "interval": [mean - half, mean + half]}


def train(recipe: str, seed: int, runs: Path) -> dict[str, object]:
    """One run; raises CalledProcessError when it fails: a failed seed is never left out."""
    words = ["train", recipe, "--seed", str(seed), "--name", f"seed{seed}", "--runs", str(runs)]
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "fashionlab", *words], stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.perf_counter() - start
    metrics = json.loads((runs / f"seed{seed}" / "metrics.json").read_text())
    environment = json.loads((runs / f"seed{seed}" / "environment.json").read_text())
    return {"seed": seed, "command_seconds": seconds, "precision": environment["precision"],
            "output": done.stdout.replace(str(runs), "runs"), **{key: metrics[key] for key in KEPT}}


def main() -> None:
    recipe, seeds = sys.argv[1], int(sys.argv[2])
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            results.append(train(recipe, seed, Path(folder)))
            last = results[-1]
            print(f"seed {seed}: test {last['test_accuracy']:.4f}, {last['train_seconds']:.0f} s", flush=True)
    summary = {key: summarise([float(result[key]) for result in results])
               for key in ("test_accuracy", "val_accuracy", "train_seconds", "command_seconds")}
    write_json(ROOT / "results" / f"{recipe}.json", {
        "command": f"python benchmarks/recipe.py {recipe} {seeds}", "recipe": recipe, "commit": commit(),
        "machine": machine(), "versions": versions(), "summary": summary, "seeds": results})


if __name__ == "__main__":
    main()
