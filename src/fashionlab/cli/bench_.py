"""`fashionlab bench`: what the project claims about speed, measured on this machine."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fashionlab.common.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Measure speed on this machine, side by side with the plain way.")


@app.command("data")
def data(json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Pictures a second: our batched augmentation beside PIL and torchvision, picture by picture."""
    from fashionlab.bench.data import measure

    result = measure()
    _print(result, f"ratio to {result['compared_with']!r}", json)


@app.command("train")
def train(
    recipe: Annotated[str | None, typer.Argument(help="Pictures a second of this recipe instead.")] = None,
    limit_train: Annotated[int | None, typer.Option(metavar="N", min=1, help="Train on N pictures only.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Time until `quick` has the accuracy of the plain baseline, beside the baseline.

    With a RECIPE: pictures a second as we train it, beside torchvision, PIL and a plain loop.
    """
    if recipe is None:
        from fashionlab.bench.reach import measure as reach

        _print_reach(reach(limit_train=limit_train), json)
        return
    if limit_train is not None:
        raise UsageError("--limit-train is for the time to an accuracy; leave the recipe out")
    from fashionlab.bench.train import measure

    _print(measure(recipe), "ratio to 'plain'", json)


@app.command("serve")
def serve(
    model: Annotated[str, typer.Argument(help="An artifact of `fashionlab export`, or `default` for the bundled one.")]
    = "default",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Requests a second of the service, beside itself without batches and beside the service of a tutorial."""
    from fashionlab.bench.serve import measure

    result = measure(model)
    if not json:
        print(f"batching alone: {result['ratio_batching']['median']} times as many as one call a request\n")
    _print(result, "ratio to 'plain'", json)


def _print_reach(result: dict[str, Any], json: bool) -> None:
    from fashionlab.cli.output import print_json, print_table

    if json:
        print_json(result)
        return
    print(f"{result['what']} ({result['threads']} threads)\n")
    rows = []
    for name, side in result["sides"].items():
        runs = side.get("runs", [side])
        rows.append((name, side["recipe"], "not reached" if side["seconds"] is None else f"{side['seconds']:.1f} s",
                     ", ".join(f"{run['accuracy'][-1]:.2%} after {len(run['accuracy'])}" for run in runs)))
    print_table(("side", "recipe", "time", "accuracy after epochs"), rows)
    print("\nratio: " + ("none" if result["ratio"] is None else f"{result['ratio']}"))


def _print(result: dict[str, Any], ratio: str, json: bool) -> None:
    from fashionlab.cli.output import print_json, print_table

    if json:
        print_json(result)
        return
    threads = f", {result['threads']} threads" if "threads" in result else ""
    print(f"{result['what']} ({result['rounds']} alternating rounds{threads})\n")
    rows = [(name, *(f"{rate:,.0f}" for rate in rates.values())) for name, rates in result["sides"].items()]
    header = (result["unit"].partition(";")[0], "median", "lowest", "highest")
    print_table(header, rows, right=header[1:])
    print(f"\n{ratio}: {result['ratio']} ({result['ratio_lowest']} to {result['ratio_highest']})")
