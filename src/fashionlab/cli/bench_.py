"""`fashionlab bench`: what the project claims about speed, measured on this machine."""

from __future__ import annotations

from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True, help="Measure speed on this machine, side by side with the plain way.")


@app.command("data")
def data(json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Pictures a second: our batched augmentation beside PIL and torchvision, picture by picture."""
    from fashionlab.bench.data import measure

    result = measure()
    _print(result, f"ratio to {result['compared_with']!r}", json)


@app.command("train")
def train(
    recipe: Annotated[str, typer.Argument(help="A built-in recipe or a YAML file.")] = "ablation-main",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Pictures a second in training: a recipe as we train it beside torchvision, PIL and a plain loop."""
    from fashionlab.bench.train import measure

    _print(measure(recipe), "ratio to 'plain'", json)


def _print(result: dict[str, Any], ratio: str, json: bool) -> None:
    from fashionlab.cli.output import print_json, print_table

    if json:
        print_json(result)
        return
    print(f"{result['what']} ({result['rounds']} alternating rounds, {result['threads']} threads)\n")
    rows = [(name, *(f"{rate:,.0f}" for rate in rates.values())) for name, rates in result["sides"].items()]
    header = ("pictures a second", "median", "lowest", "highest")
    print_table(header, rows, right=header[1:])
    print(f"\n{ratio}: {result['ratio']} ({result['ratio_lowest']} to {result['ratio_highest']})")
