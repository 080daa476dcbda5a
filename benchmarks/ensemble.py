"""What an ensemble of a recipe's measured seeds brings over one of them.

    python benchmarks/recipe.py quick 5        the members, if they are not trained yet
    python benchmarks/ensemble.py quick 5      writes results/ensemble-quick.json

The members' probabilities are averaged by `fashionlab ensemble`; the test split is read once, at its end. The interval
of the ensemble's accuracy is Wilson's, of the test pictures: there is one ensemble, not several seeds of it.
"""

from __future__ import annotations

import shlex
import subprocess
import sys

from recipe import ROOT, summarise

from fashionlab.common.environment import commit, machine, versions
from fashionlab.common.files import write_json
from fashionlab.evaluation.proportions import share
from fashionlab.runs.results import load_results

JUDGED = ("test_accuracy", "val_accuracy", "nll", "ece")


def main() -> None:
    recipe, seeds = sys.argv[1], int(sys.argv[2])
    members = [ROOT / "runs" / f"benchmark-{recipe}-s{seed}" for seed in range(seeds)]
    name = f"benchmark-{recipe}-ensemble"
    words = ["ensemble", *map(str, members), "--runs", str(ROOT / "runs"), "--name", name, "--overwrite", "--no-report"]
    subprocess.run([sys.executable, "-m", "fashionlab", *words], stdout=subprocess.DEVNULL, check=True)
    singles = [load_results(member).metrics for member in members]
    together = load_results(ROOT / "runs" / name)
    pictures = len(together.test.labels)
    interval = share(round(together.metrics.test.accuracy * pictures), pictures)
    write_json(ROOT / "results" / f"ensemble-{recipe}.json", {
        "command": f"python {shlex.join(sys.argv)}", "recipe": recipe, "members": seeds, "commit": commit(),
        "precision": together.environment["precision"], "machine": machine(), "versions": versions(),
        "singles": {key: summarise([float(getattr(single, key)) for single in singles]) for key in JUDGED},
        "ensemble": {**{key: getattr(together.metrics, key) for key in (*JUDGED, "train_seconds", "parameters")},
                     "test_interval": [interval.low, interval.high]}})
    print(f"{recipe}: {together.metrics.test.accuracy:.2%} with {seeds} members")


if __name__ == "__main__":
    main()
