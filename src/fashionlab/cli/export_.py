"""`fashionlab export`: a run becomes an artifact that needs no PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fashionlab.common.errors import unknown


def command(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    format_: Annotated[str, typer.Option("--format", help="onnx, or what is made beside it, such as pt2 for "
                                         "torch.export.load.")] = "onnx",
    int8: Annotated[bool, typer.Option("--int8", help="Also make a graph in 8-bit integers; it answers where it loses "
                                       "at most 0.2 points and is faster.")] = False,
    prune: Annotated[float | None, typer.Option(metavar="SHARE", help="First take this share of the channels away and "
                                                "fine-tune, as a run beside RUN.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR|FILE.zip", help="Where to. [default: RUN/artifact]")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was measured as one JSON object.")] = False,
) -> None:
    """Export a run for use.

    The artifact holds the network as an ONNX graph, what turns its logits into probabilities, prediction sets and
    outlier warnings, a reference for drift, the model card, and sums of all files. Everything is checked against
    PyTorch before it is written.
    """
    from fashionlab.deploy.formats import BASE, FORMATS

    beside = [name for name in FORMATS if name != BASE]
    if format_ not in ("onnx", *beside):
        raise unknown("--format", format_, ("onnx", *beside))
    from fashionlab.cli.output import print_json, print_table
    from fashionlab.deploy import card
    from fashionlab.deploy.export import Options, check_target, export_run

    if out:
        check_target(out)
    unpruned = None
    if prune is not None:
        from fashionlab.deploy.prune import prune_run

        unpruned, run = run, prune_run(run, prune, data_dir)
    target = out or run / "artifact"
    check_target(target)
    if (run / "metrics.json").is_file() and not (run / "model_card.md").is_file():
        from fashionlab.report.page import write_report

        write_report(run, data_dir=data_dir)
    formats = [name for name in beside if name == format_ or (name == "int8" and int8)]
    artifact = export_run(run, Options(target, formats, unpruned, data_dir))
    told, checked = artifact.description, artifact.check
    if json:
        print_json({"run": str(run), "artifact": str(target), **checked, "temperature": told.temperature,
                    "coverage": told.coverage, "outlier_score": told.score})
        return
    print_table(card.HEADER, card.table(checked), right=card.HEADER[1:])
    for line in card.remarks(checked):
        print(line)
    print(f"temperature {told.temperature:.3f}; prediction sets for {told.coverage:.0%}; outliers by {told.score}, "
          f"which lets {told.accepted:.0%} of known pictures pass; learned on {told.validation:,} validation pictures")
    print(f"{target}: {checked['served']} answers; try it with `fashionlab predict {target} IMAGE...`")
