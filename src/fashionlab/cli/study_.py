"""`fashionlab study`: a declared question becomes runs, and runs become a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def command(
    study: Annotated[str, typer.Argument(help="A built-in study or a YAML file.")],
    seeds: Annotated[int | None, typer.Option(min=1, metavar="N", help="N seeds instead of the declared ones.")] = None,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="Train N runs side by side; they share the cores.")] = 1,
    runs: Annotated[Path, typer.Option(help="Folder of all runs; the study becomes a folder in it.")] = Path("runs"),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the results as one JSON object.")] = False,
) -> None:
    """Answer "does it help?" over several seeds.

    Trains every arm with every seed and judges each arm against the baseline. A study that was stopped or killed is
    continued by the same command.
    """
    import fashionlab as fl
    from fashionlab.cli.output import print_json, warn

    answer = fl.study(study, seeds=seeds, jobs=jobs, runs=runs, device=device, data_dir=data_dir, quiet=quiet)
    if json:
        print_json(answer.results)
    else:
        _print(answer.results, answer.page)
    for note in answer.results["notes"]:
        warn(note)


def _print(results: dict[str, Any], page: Path) -> None:
    from fashionlab.cli.output import print_table
    from fashionlab.studies.wording import difference, interval, probability, smallest, value_unit, verdict

    units = (f", {value_unit(results)}; differences in {results['unit']}" if results["unit"] == "points"
             else f", {results['unit']}" if results["unit"] else "")
    print(f"{results['question']}\n{results['title']}{units}; means over seeds with {results['level']:.0%} intervals\n")
    rows = [["baseline", results["baseline"]["n"], len(results["baseline"]["failures"]),
             interval(results, results["baseline"]["mean"], results["baseline"]["interval"]), "", "", ""]]
    for name, arm in results["arms"].items():
        rows.append([name, arm["n"], len(arm["failures"]), interval(results, arm["mean"], arm["interval"]),
                     difference(results, arm), probability(arm["p_corrected"]), arm["verdict"]])
    print_table(["arm", "n", "failed", "mean", "difference", "p (Holm)", "verdict"], rows, right=("n", "failed"))
    print()
    for name, arm in results["arms"].items():
        print(f"{name}: {verdict(results, arm)}")
    print(f"\nA difference below {smallest(results)} was declared not to matter.\n"
          f"results  {results['folder']}/results.json\npage     {page}")
