"""`fashionlab evaluate`: judge a run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fashionlab.errors import UsageError


def command(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    split: Annotated[str, typer.Option(help="test or val.")] = "test",
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print the scores as one JSON object.")] = False,
) -> None:
    """Evaluate a run again.

    Every picture of the split is judged once with the run's final weights; scores go into the run's folder.
    """
    if split not in ("test", "val"):
        raise UsageError(f"--split {split}: expected test or val")
    from fashionlab.cli.output import print_json
    from fashionlab.evaluation.run import evaluate_run

    scores = evaluate_run(run, split, data_dir=data_dir, device=device)  # type: ignore[arg-type]
    if json:
        print_json({"run": str(run), **scores})
        return
    from fashionlab.evaluation.metrics import classification_report
    from fashionlab.records import Predictions
    from fashionlab.run_folder import RunFolder

    print(classification_report(Predictions.load(RunFolder(run).predictions(split))))
    print(f"{split} split, n = {scores['n']}: accuracy {scores['accuracy']:.2%}, top 3 {scores['top3_accuracy']:.2%}, "
          f"NLL {scores['nll']:.4f}, Brier {scores['brier']:.4f}, ECE {scores['ece']:.4f}")
