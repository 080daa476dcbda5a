"""`fashionlab train`: a recipe becomes a trained and evaluated run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fashionlab.common.errors import FashionlabError, UsageError

if TYPE_CHECKING:
    from fashionlab.recipes import Recipe
    from fashionlab.runs.folder import RunFolder
    from fashionlab.runs.metrics import Metrics
    from fashionlab.training.session import Options


def command(
    recipe: Annotated[str | None, typer.Argument(help="A built-in recipe or a YAML file. [default: quick]")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of all that is random in training.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE",
                                                   help="Override a key, e.g. optimizer.lr=0.05.")] = None,
    runs: Annotated[Path, typer.Option(help="Folder of all runs.")] = Path("runs"),
    name: Annotated[str | None, typer.Option(help="Name of this run. [default: recipe, seed and time]")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Continue the run in this folder.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    dataset: Annotated[str | None, typer.Option(metavar="NAME|PATH", help="Another data set.")] = None,
    limit_train: Annotated[int | None, typer.Option(metavar="N", min=1, help="Train on N pictures only.")] = None,
    max_time: Annotated[float | None, typer.Option(metavar="MIN", help="Stop after MIN minutes and evaluate.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run of the same name.")] = False,
    skip_unreadable: Annotated[bool, typer.Option("--skip-unreadable", help="Leave broken pictures out.")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", envvar="FASHIONLAB_NO_REPORT",
                                            help="Leave the page for `fashionlab report`.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the run's metrics as one JSON object.")] = False,
) -> None:
    """Train and evaluate a recipe.

    The test split is judged once, at the end, and every opening is recorded; everything is kept in a run folder.
    """
    from fashionlab.training import session

    options = session.Options(device, data_dir, _positive(max_time), overwrite, quiet, skip_unreadable,
                              ["fashionlab", *sys.argv[1:]])
    chosen = _recipe(recipe, seed, set_ or [], dataset, limit_train, resuming=resume is not None)
    if resume is not None:
        if name is not None:
            raise UsageError("--name and --resume do not go together: a resumed run keeps its name")
        run = session.resume(resume, chosen, options)
    else:
        assert chosen is not None
        run = session.start(chosen, runs / (name or default_name(f"{Path(recipe or 'quick').stem}-s{chosen.seed}")),
                            options)
    if session.is_first_process():
        finish(run, options, json=json, report=not no_report)


def finish(run: RunFolder, options: Options, *, json: bool, report: bool) -> None:
    """Evaluate a trained run, print what it is worth and write its page."""
    from fashionlab.cli.output import print_json
    from fashionlab.evaluation.run import conclude

    metrics = conclude(run, data_dir=options.data_dir, device=options.device)
    if json:
        print_json(metrics.as_json(without=("history", "val", "test")))
    else:
        print(summary(metrics))
    if report:
        _report(run.path, options.data_dir, options.device)


def _report(run: Path, data_dir: Path | None, device: str) -> None:
    """Write the run's page. The run is complete by now: whatever goes wrong here, only the page is missing."""
    from fashionlab.report.page import write_report

    sys.stdout.flush()  # the results first
    try:
        page = write_report(run, data_dir=data_dir, device=device)
    except Exception as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise FashionlabError(f"{run} is trained and evaluated, but its report failed: {first}\n"
                              f"Try it again with `fashionlab report {run}`.") from error
    print(f"report: {page}", file=sys.stderr)


def _positive(minutes: float | None) -> float | None:
    if minutes is not None and not minutes > 0:
        raise UsageError(f"--max-time {minutes}: expected a number of minutes above 0")
    return minutes


def _recipe(name: str | None, seed: int | None, overrides: list[str], dataset: str | None, limit_train: int | None,
            *, resuming: bool) -> Recipe | None:
    """The recipe as asked for on the command line; None when a resume asks for none."""
    from fashionlab import recipes

    extra = {"seed": seed, "data.dataset": dataset, "data.limit": limit_train}
    overrides = [*overrides, *(f"{key}={value}" for key, value in extra.items() if value is not None)]
    if resuming and name is None and not overrides:
        return None
    return recipes.load(name or "quick", overrides)


def default_name(what: str) -> str:
    """A name for a run of `what`, with the time."""
    from datetime import datetime

    return f"{what}-{datetime.now():%Y%m%d-%H%M%S}"


def summary(metrics: Metrics) -> str:
    """What the command prints of a run's metrics.json."""
    validation = "-" if metrics.val_accuracy is None else f"{metrics.val_accuracy:.2%}"
    return (f"test accuracy        {metrics.test.accuracy:.2%}  (macro F1 {metrics.test.macro_f1:.4f}, "
            f"ECE {metrics.test.ece:.4f})\n"
            f"validation accuracy  {validation}\n"
            f"training time        {metrics.train_seconds:.1f} s for {metrics.epochs} epochs, "
            f"{metrics.images_per_second:,.0f} pictures/s, {metrics.parameters:,} parameters\n"
            f"weights              {metrics.weights} (chosen by {metrics.weights_chosen_by})\n"
            f"run folder           {metrics.run}")
