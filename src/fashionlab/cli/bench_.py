"""`fashionlab bench`: what the project claims about speed, measured on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Measure speed on this machine, side by side with the plain way.")


@app.callback()
def group() -> None:
    """Keeps `data` a sub-command while it is the only one."""


@app.command("data")
def data(json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Pictures a second: our batched augmentation beside PIL and torchvision, picture by picture."""
    from fashionlab.bench.data import measure
    from fashionlab.cli.output import print_json, print_table

    result = measure()
    if json:
        print_json(result)
        return
    print(f"{result['what']} ({result['rounds']} alternating rounds, {result['threads']} threads)\n")
    rows = [(name, *(f"{rate:,.0f}" for rate in rates.values())) for name, rates in result["sides"].items()]
    header = ("pictures a second", "median", "lowest", "highest")
    print_table(header, rows, right=header[1:])
    print(f"\nratio to {result['compared_with']!r}: {result['ratio']} "
          f"({result['ratio_lowest']} to {result['ratio_highest']})")
