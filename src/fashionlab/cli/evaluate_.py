"""`fashionlab evaluate`: judge a run again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fashionlab.common.errors import UsageError

if TYPE_CHECKING:
    from fashionlab.runs.metrics import Metrics


def command(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    split: Annotated[str, typer.Option(help="test or val.")] = "test",
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    robustness: Annotated[bool, typer.Option("--robustness", help="Also judge corrupted test pictures.")] = False,
    outliers: Annotated[bool, typer.Option("--outliers", help="Also measure how well outliers are told.")] = False,
    outlier_set: Annotated[list[str] | None, typer.Option(
        metavar="NAME|PATH", help="Another data set whose pictures are outliers; may be repeated.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the scores as one JSON object.")] = False,
) -> None:
    """Evaluate a run again.

    Every picture of the split is judged once with the run's final weights; scores go into the run's folder.
    Robustness is the accuracy under corruptions of five severities each; outliers are pictures of what the run knows no
    class for: noise, scrambled pictures, digits and the like, and the data sets named with --outlier-set.
    """
    if split not in ("test", "val"):
        raise UsageError(f"--split {split}: expected test or val")
    from fashionlab import Run
    from fashionlab.cli.output import print_json

    judged = Run(run, data_dir=data_dir, device=device)
    evaluation = judged.evaluate("val" if split == "val" else "test", robustness=robustness, outliers=outliers,
                                 outlier_sets=tuple(outlier_set or ()))
    if json:
        print_json({"run": str(run), **evaluation.as_dict()})
        return
    scores = evaluation.scores
    print(judged.classification_report("val" if split == "val" else "test"))
    accuracy = scores.intervals["accuracy"]
    print(f"{split} split, n = {scores.n}: accuracy {scores.accuracy:.2%} "
          f"(95 % interval {accuracy.low:.2%} to {accuracy.high:.2%}), top 3 {scores.top3_accuracy:.2%}, "
          f"NLL {scores.nll:.4f}, Brier {scores.brier:.4f}, ECE {scores.ece:.4f}")
    if split == "test":
        _print_trust(judged.metrics)
    if evaluation.robustness:
        _print_robustness(evaluation.robustness)
    if evaluation.outliers:
        _print_outliers(evaluation.outliers)


def _print_trust(metrics: Metrics) -> None:
    calibration, conformal = metrics.calibration, metrics.conformal
    if calibration is None or conformal is None:
        print("Calibration and conformal sets: none; they are learned on validation predictions, which this run lacks.")
        return
    before, after = (calibration.methods[name]["ece"].estimate for name in ("none", "temperature"))
    print(f"Calibration, from {calibration.fitted_n} validation pictures: temperature "
          f"{calibration.temperature:.3f}, ECE {before:.4f} -> {after:.4f}")
    sets = ", ".join(f"{row.promised:.0%} promised {row.coverage.estimate:.1%} held ({row.mean_size:.2f} classes)"
                     for row in conformal.sets if row.method == "lac")
    print(f"Conformal sets (LAC): {sets}")


def _print_robustness(robustness: dict[str, Any]) -> None:
    from fashionlab.cli.output import print_table

    severities = [str(severity) for severity in range(1, 6)]
    rows = [(name, *(f"{one['estimate']:.1%}" for one in row["accuracy"]),
             f"{sum(one['estimate'] for one in row['accuracy']) / len(row['accuracy']):.1%}")
            for name, row in robustness["corruptions"].items()]
    print(f"\nAccuracy under corruption by severity (test split, n = {robustness['n']}, one view a picture)")
    print_table(["corruption", *severities, "mean"], rows, right=[*severities, "mean"])
    print(f"clean {robustness['clean']['estimate']:.2%}, "
          f"mean corruption accuracy {robustness['mean_corruption_accuracy']:.2%}")


def _print_outliers(outliers: dict[str, Any]) -> None:
    from fashionlab.cli.output import print_table

    rows = [("" if i else name, score, _interval(one["auroc"], "{:.4f}"), _interval(one["fpr95"], "{:.1%}"))
            for name, row in outliers["sets"].items() for i, (score, one) in enumerate(row["scores"].items())]
    print(f"\nOutliers told from the test split (n = {outliers['n']}), with 95 % intervals.\n"
          "FPR at 95 %: the share of outliers let pass where 95 % of the test pictures pass.")
    print_table(["outliers", "score", "AUROC", "FPR at 95 %"], rows)
    print(f"kept: {outliers['best']} (highest mean AUROC on validation pictures); its threshold lets "
          f"{outliers['accepted']['estimate']:.1%} of the test pictures pass")


def _interval(value: dict[str, float], form: str) -> str:
    estimate, low, high = (form.format(value[key]) for key in ("estimate", "low", "high"))
    return f"{estimate} ({low} to {high})"
