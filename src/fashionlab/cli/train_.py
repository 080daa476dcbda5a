"""`fashionlab train`: a recipe becomes a trained and evaluated run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fashionlab.common.errors import FashionlabError

if TYPE_CHECKING:
    from fashionlab import Run


def command(
    recipe: Annotated[str | None, typer.Argument(
        help="A built-in recipe or a YAML file. [default: quick, or what fits the --dataset]")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of all that is random in training.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE",
                                                   help="Override a key, e.g. optimizer.lr=0.05.")] = None,
    runs: Annotated[Path, typer.Option(help="Folder of all runs.")] = Path("runs"),
    name: Annotated[str | None, typer.Option(help="Name of this run. [default: recipe, seed and time]")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Continue the run in this folder.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    dataset: Annotated[str | None, typer.Option(metavar="NAME|PATH", help="Another data set.")] = None,
    group: Annotated[str | None, typer.Option(
        metavar="COLUMN|PATTERN", help="Pictures of one sender, product or film stay in one part.")] = None,
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
    import fashionlab as fl

    run = fl.train(recipe, seed=seed, overrides=set_ or [], runs=runs, name=name, device=device, resume=resume,
                   data_dir=data_dir, dataset=dataset, group=group, limit_train=limit_train, max_time=max_time,
                   overwrite=overwrite, skip_unreadable=skip_unreadable, quiet=quiet)
    if run.is_first_process:
        print_run(run, json=json, report=not no_report)


def print_run(run: Run, *, json: bool, report: bool) -> None:
    """Print what an evaluated run is worth, then write its page."""
    from fashionlab.cli.output import print_json

    if json:
        print_json(run.as_dict())
    else:
        print(run.summary())
    if not report:
        return
    sys.stdout.flush()  # the results first
    # The run is complete by now: whatever goes wrong here, only the page is missing.
    try:
        page = run.report()
    except Exception as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise FashionlabError(f"{run.path} is trained and evaluated, but its report failed: {first}\n"
                              f"Try it again with `fashionlab report {run.path}`.") from error
    print(f"report: {page}", file=sys.stderr)
