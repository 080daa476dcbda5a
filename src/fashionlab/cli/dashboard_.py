"""`fashionlab dashboard`: a local page over a folder of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    runs: Annotated[Path, typer.Argument(help="The folder that holds the runs.")] = Path("runs"),
    host: Annotated[str, typer.Option(help="Address to listen on; others than this machine see it only if changed.")]
    = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 8000,
) -> None:
    """Open a local page over all runs.

    A table of all runs, live curves of those in training, comparison of the ticked ones. Ctrl-C ends it.
    """
    from fashionlab.dashboard.app import serve
    from fashionlab.dashboard.runs import RunsFolder

    serve(RunsFolder(runs), host, port, announce=lambda address: print(address, flush=True))
