"""`fashionlab reproduce`: the reference systems' claims beside what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fashionlab.common.errors import UsageError


def command(
    systems: Annotated[list[str] | None, typer.Argument(metavar="[SYSTEM]...", help="Systems to train; none: the "
                                                        "scoreboard.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Print the scoreboard, and train nothing.")] = False,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Train with N seeds.")] = 5,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the recipe; "
                                                   "the board then says that it was tried in small.")] = None,
    runs: Annotated[Path, typer.Option(help="Folder of all runs; these go into reproduce/ in it.")] = Path("runs"),
    results: Annotated[Path | None, typer.Option(help="Folder of the measurements.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the scoreboard as one JSON object.")] = False,
) -> None:
    """Train the reference systems, and hold their claims against what is measured.

    Finished runs are not repeated, started ones continue; each system's measurement is kept as one JSON file.
    """
    from fashionlab.cli.output import print_json
    from fashionlab.reproduction import board
    from fashionlab.reproduction.systems import find, results_folder

    folder = results or results_folder()
    chosen = [find(name) for name in systems or []]
    if set_ and not chosen:
        raise UsageError("--set: name the systems to train with it")
    if not list_:
        for system in chosen:
            _train(system, seeds, runs, folder, device, data_dir, tuple(set_ or []), quiet)
    rows = [row for row in board.board(folder) if not systems or row["id"] in systems]
    if json:
        print_json({"systems": rows})
    else:
        _print(rows, folder)


def _train(system: Any, seeds: int, runs: Path, folder: Path, device: str, data_dir: Path | None,
           changes: tuple[str, ...], quiet: bool) -> None:
    import sys

    from fashionlab.reproduction.runner import reproduce
    from fashionlab.reproduction.systems import keep
    from fashionlab.training import session

    options = session.Options(device, data_dir, overwrite=True, quiet=True, command=["fashionlab", *sys.argv[1:]])
    measurement = reproduce(system, seeds, runs, options, changes=changes,
                            report_line=lambda line: None if quiet else print(line, file=sys.stderr, flush=True))
    keep(measurement, folder)


def _print(rows: list[dict[str, Any]], folder: Path) -> None:
    from fashionlab.cli.output import print_table
    from fashionlab.reproduction.board import shown_reason

    header = ["system", "source", "claimed", "measured", "95 % interval", "n", "fastest", "verdict"]
    print_table(header, [_cells(row) for row in rows], right=["measured", "n", "fastest"])
    print()
    for row in rows:
        print(f"{row['id']}: {shown_reason(row, folder)}")


def _cells(row: dict[str, Any]) -> list[str]:
    from fashionlab.reproduction.board import shown_verdict, tried_in_small

    measured = row["measured"]
    start = [row["id"], row["source"][:3], row["claimed"]["claim"]]
    if measured is None or tried_in_small(row):
        return [*start, "", "", "", "", shown_verdict(row)]
    ends = measured["interval"]
    return [*start, f"{measured['mean']:.2%}{' val' if measured['metric'] == 'val_accuracy' else ''}",
            f"{ends[0]:.2%} to {ends[1]:.2%}" if ends else "one seed: none", str(measured["n"]),
            f"{measured['fastest_seconds']:,.0f} s", row["verdict"]]
