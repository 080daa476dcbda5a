"""Does the memory layout cost accuracy? The convolutional reference systems in channels_last and in the default layout.

    python benchmarks/layout.py                         writes results/layout.json
    python benchmarks/layout.py --systems three-cnn --seeds 2 --limit 1000 --runs /tmp/l --out /tmp/l/out.json

Both sides in float32, paired by seed, on the validation split; the test split is never read. All but one train
shorter than the systems themselves (SHORTENED), which leaves more to chance and nothing to the layout: both compute the
same but for rounding (most in batch norm), which training magnifies. So a system's five seeds say little, and the
verdict is on all pairs of all systems together. deep-cnn is left out: trained as short as two cores can, it does not
begin to learn. A finished run is not repeated.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from recipe import ROOT

from fashionlab import recipes
from fashionlab.common import runtime
from fashionlab.common.environment import commit, machine, versions
from fashionlab.common.files import write_json
from fashionlab.evaluation.run import evaluate_run
from fashionlab.recipes import Recipe
from fashionlab.runs.folder import RunFolder
from fashionlab.studies.statistics import judge
from fashionlab.training import session

SHORTENED = {
    "three-cnn": [],  # with fewer pictures some seeds never begin to learn, in either layout
    "notebook-cnn": ["data.limit=10000", "epochs=4"],
    "ablation-shallow": ["data.limit=10000", "epochs=4"],
    "ablation-main": ["data.limit=10000", "epochs=4"],
}
SEEDS = dict.fromkeys(SHORTENED, 5) | {"ablation-main": 10}  # its first five all fell to one side
SMALLEST_DIFFERENCE = 0.3  # points


@contextmanager
def layout(channels_last: bool) -> Iterator[None]:
    """Trainings within the block use this layout. There is no option for it: nobody should want the slower one."""
    choose = runtime.choose
    with patch.object(runtime, "choose", lambda *given, **named: replace(
            choose(*given, **named), channels_last=channels_last)):
        yield


def accuracy(recipe: Recipe, folder: Path, channels_last: bool) -> float:
    """Validation accuracy of one run in percent, trained unless that is done already."""
    run, options = RunFolder(folder), session.Options(device="cpu", quiet=True, overwrite=True, command=sys.argv)
    with layout(channels_last):
        if not run.metrics.is_file():
            session.start(recipe, folder, options)
        if "val" not in run.read_metrics():
            evaluate_run(folder, "val", device="cpu")
    return 100 * run.read_metrics().val.accuracy


def measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Both layouts of one system over all seeds, with the verdict on the difference."""
    limit = [] if arguments.limit is None else [f"data.limit={arguments.limit}"]
    overrides = [*SHORTENED[name], *limit, "data.validation=5000", "precision=float32"]  # three-cnn holds none out
    sides: dict[str, dict[int, float]] = {"default": {}, "channels_last": {}}
    for seed in range(arguments.seeds or SEEDS[name]):
        recipe = recipes.load(name, [*overrides, f"seed={seed}"])
        for side, values in sides.items():
            values[seed] = accuracy(recipe, arguments.runs / f"{name}-{side}-s{seed}", side == "channels_last")
            print(f"{name} seed {seed} {side}: {values[seed]:.2f} %", flush=True)
    verdict = judge(sides["default"], {"channels_last": sides["channels_last"]},
                    smallest_difference=SMALLEST_DIFFERENCE)["channels_last"]
    return {"overrides": overrides, "accuracy": sides, **asdict(verdict)}


def together(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The verdict on all pairs of runs, whichever system and seed they are of."""
    default, other = (dict(enumerate(value for one in found.values() for value in one["accuracy"][side].values()))
                      for side in ("default", "channels_last"))
    return asdict(judge(default, {"channels_last": other}, smallest_difference=SMALLEST_DIFFERENCE)["channels_last"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", nargs="+", choices=SHORTENED, default=list(SHORTENED))
    parser.add_argument("--seeds", type=int, help="of every system, in place of SEEDS")
    parser.add_argument("--limit", type=int, help="train on fewer pictures still")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "layout")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "layout.json")
    arguments = parser.parse_args()
    found: dict[str, Any] = {}
    for name in arguments.systems:
        found[name] = measure(name, arguments)
        write_json(arguments.out, {
            "command": f"python {shlex.join(sys.argv)}", "unit": "validation accuracy in %, differences in points",
            "smallest_difference": SMALLEST_DIFFERENCE, "together": together(found), "systems": found,
            "commit": commit(), "machine": machine(), "versions": versions()})
        print(f"{name}: {found[name]['word']}", flush=True)


if __name__ == "__main__":
    main()
