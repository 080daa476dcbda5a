"""Train a recipe with several seeds, one after another, and keep what came out.

    python benchmarks/recipe.py quick 5        recipe and number of seeds; writes results/quick.json

Every seed is a run of `fashionlab train` as a person types it; the test split is read once a seed, at its end.
A seed that is finished under runs/ is not trained again, one that was stopped goes on.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from fashionlab import recipes
from fashionlab.cli.train_ import summary
from fashionlab.environment import machine, versions
from fashionlab.evaluation.run import load_recipe
from fashionlab.files import write_json
from fashionlab.run_folder import RunFolder, open_run
from fashionlab.studies.statistics import mean_interval

ROOT = Path(__file__).parents[1]
KEPT = ("test_accuracy", "val_accuracy", "macro_f1", "nll", "ece", "train_seconds", "images_per_second", "data_share",
        "epochs", "parameters", "session_seconds")


def summarise(values: list[float]) -> dict[str, float | int | list[float] | None]:
    """Mean, sample deviation and the t interval (95 %) of a mean over seeds; no interval for one seed."""
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return {"mean": mean, "n": n, "sd": None, "interval": None}
    interval = mean_interval(values)
    return {"mean": mean, "n": n, "sd": float(np.std(values, ddof=1)), "interval": [interval.low, interval.high]}


def train(recipe: str, seed: int, folder: Path) -> dict[str, object]:
    """One run, trained unless it is finished already; raises when it fails: a failed seed is never left out."""
    run, wanted = RunFolder(folder), recipes.load(recipe, [f"seed={seed}"])
    state = run.read_json(run.status)["state"] if run.status.is_file() else None
    if state != "complete":
        words = ["train", recipe, "--seed", str(seed), "--runs", str(folder.parent), "--name", folder.name]
        started = run.last.is_file() and load_recipe(run) == wanted
        words = ["train", "--resume", str(folder)] if started else [*words, "--overwrite"]
        subprocess.run([sys.executable, "-m", "fashionlab", *words], stdout=subprocess.DEVNULL, check=True)
    run = open_run(folder)
    metrics, environment = run.read_json(run.metrics), run.read_json(run.environment)
    if (metrics["seed"], load_recipe(run)) != (seed, wanted):
        raise SystemExit(f"{folder} is a run of another recipe or seed; remove it")
    return {"seed": seed, "precision": environment["precision"], "commit": environment["commit"],
            "output": summary({**metrics, "run": folder.relative_to(ROOT)}), **{key: metrics[key] for key in KEPT}}


def main() -> None:
    recipe, seeds = sys.argv[1], int(sys.argv[2])
    results = []
    for seed in range(seeds):
        results.append(train(recipe, seed, ROOT / "runs" / f"benchmark-{recipe}-s{seed}"))
        last = results[-1]
        print(f"seed {seed}: test {last['test_accuracy']:.4f}, {last['train_seconds']:.0f} s", flush=True)
    figures = {key: summarise([float(result[key]) for result in results])
               for key in ("test_accuracy", "val_accuracy", "train_seconds", "session_seconds")}
    write_json(ROOT / "results" / f"{recipe}.json", {
        "command": f"python benchmarks/recipe.py {recipe} {seeds}", "recipe": recipe,
        "machine": machine(), "versions": versions(), "summary": figures, "seeds": results})


if __name__ == "__main__":
    main()
