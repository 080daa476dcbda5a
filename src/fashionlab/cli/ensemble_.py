"""`fashionlab ensemble`: several finished runs become one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    members: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of finished runs.")],
    weights: Annotated[bool, typer.Option("--weights", help="Average the weights, not the probabilities.")] = False,
    snapshots: Annotated[bool, typer.Option("--snapshots", help="Combine the snapshots of a single run.")] = False,
    runs: Annotated[Path, typer.Option(help="Folder of all runs.")] = Path("runs"),
    name: Annotated[str | None, typer.Option(help="Name of the new run. [default: ensemble and time]")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run of the same name.")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", envvar="FASHIONLAB_NO_REPORT",
                                            help="Leave the page for `fashionlab report`.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the run's metrics as one JSON object.")] = False,
) -> None:
    """Make one run out of several and evaluate it.

    Its network answers with the mean of the members' probabilities, or has the mean of their weights, which needs
    trainings that began alike. It is judged, compared and exported like any run.
    """
    import fashionlab as fl
    from fashionlab.cli.train_ import print_run

    run = fl.ensemble(members, weights=weights, snapshots=snapshots, runs=runs, name=name, data_dir=data_dir,
                      device=device, overwrite=overwrite)
    print_run(run, json=json, report=not no_report)
