"""Train a recipe with several seeds, one after another, and keep what came out.

    python benchmarks/recipe.py quick 5                  recipe and number of seeds; writes results/quick.json
    python benchmarks/recipe.py tiny 6 --at-once 2       two trainings side by side, each on its half of the cores

Every seed is a run of `fashionlab train` as a person types it; the test split is read once a seed, at its end.
A seed that is finished under runs/ is not trained again, one that was stopped goes on.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from fashionlab import recipes
from fashionlab.common.environment import machine, versions
from fashionlab.common.files import write_json
from fashionlab.report.facts import summary
from fashionlab.reproduction.systems import systems
from fashionlab.runs.folder import RunFolder, open_run
from fashionlab.runs.pictures import load_recipe
from fashionlab.runs.results import load_results
from fashionlab.studies.statistics import mean_interval

ROOT = Path(__file__).parents[1]
KEPT = ("test_accuracy", "val_accuracy", "macro_f1", "nll", "ece", "train_seconds", "images_per_second", "data_share",
        "epochs", "parameters", "session_seconds")


def summarise(values: list[float]) -> dict[str, float | int | list[float] | None] | None:
    """Mean, sample deviation and the t interval (95 %) of a mean over seeds; no interval for one seed."""
    if not values:
        return None
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return {"mean": mean, "n": n, "sd": None, "interval": None}
    interval = mean_interval(values)
    return {"mean": mean, "n": n, "sd": float(np.std(values, ddof=1)), "interval": [interval.low, interval.high]}


def own() -> list[str]:
    """The recipes that are no reference systems, which `fashionlab reproduce` measures."""
    return sorted(set(recipes.names()) - {system.id for system in systems()})


def shares(at_once: int) -> list[list[str]]:
    """What stands before a training's command to keep it on its share of the cores; nothing where it runs alone."""
    if at_once == 1:
        return [[]]
    cores = sorted(os.sched_getaffinity(0))
    if not 1 <= at_once <= len(cores):
        raise SystemExit(f"--at-once {at_once}: expected 1 to {len(cores)}, the cores that there are")
    return [["taskset", "--cpu-list", ",".join(map(str, cores[first::at_once]))] for first in range(at_once)]


def train(recipe: str, seed: int, share: list[str]) -> dict[str, Any]:
    """One run, trained unless it is finished already; raises when it fails: a failed seed is never left out."""
    folder = ROOT / "runs" / f"benchmark-{recipe}-s{seed}"
    run, wanted = RunFolder(folder), recipes.load(recipe, [f"seed={seed}"])
    state = run.read_json(run.status)["state"] if run.status.is_file() else None
    if state != "complete":
        words = ["train", recipe, "--seed", str(seed), "--runs", str(folder.parent), "--name", folder.name]
        started = run.last.is_file() and load_recipe(run) == wanted
        words = ["train", "--resume", str(folder)] if started else [*words, "--overwrite"]
        subprocess.run([*share, sys.executable, "-m", "fashionlab", *words], stdout=subprocess.DEVNULL, check=True)
    run = open_run(folder)
    metrics, environment = run.read_metrics(), run.read_json(run.environment)
    if (metrics.seed, load_recipe(run)) != (seed, wanted):
        raise SystemExit(f"{folder} is a run of another recipe or seed; remove it")
    kept = {key: getattr(metrics, key) for key in KEPT}
    if metrics.session_seconds < metrics.train_seconds:
        kept["session_seconds"] = None  # that of the last session alone: this seed was stopped and went on
    print(f"seed {seed}: test {metrics.test.accuracy:.4f}, {metrics.train_seconds:.0f} s", flush=True)
    return {"seed": seed, **{key: environment[key] for key in ("precision", "threads", "commit")},
            "output": summary(load_results(folder)).replace(metrics.run, str(folder.relative_to(ROOT))), **kept}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=own(), metavar="RECIPE")
    parser.add_argument("seeds", type=int)
    parser.add_argument("--at-once", type=int, default=1)
    options = parser.parse_args()
    recipe, at_once = options.recipe, options.at_once
    parts = [(share, range(first, options.seeds, at_once)) for first, share in enumerate(shares(at_once))]
    with ThreadPoolExecutor(at_once) as pool:
        done = list(pool.map(lambda part: [train(recipe, seed, part[0]) for seed in part[1]], parts))
    results = sorted((one for some in done for one in some), key=lambda one: one["seed"])
    figures = {key: summarise([float(result[key]) for result in results if result[key] is not None])
               for key in ("test_accuracy", "val_accuracy", "train_seconds", "session_seconds")}
    write_json(ROOT / "results" / f"{recipe}.json", {
        "command": f"python {shlex.join(sys.argv)}", "recipe": recipe,
        "machine": machine(), "versions": versions(), "summary": figures, "seeds": results})


if __name__ == "__main__":
    main()
