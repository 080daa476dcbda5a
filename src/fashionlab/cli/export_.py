"""`fashionlab export`: a run becomes an artifact that needs no PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    format_: Annotated[str, typer.Option("--format", help="onnx, or what is made beside it, such as pt2 for "
                                         "torch.export.load.")] = "onnx",
    int8: Annotated[bool, typer.Option("--int8", help="Also make a graph in 8-bit integers; it answers where it loses "
                                       "at most 0.2 points and is faster.")] = False,
    prune: Annotated[float | None, typer.Option(metavar="SHARE", help="First take this share of the channels away and "
                                                "fine-tune, as a run beside RUN.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, metavar="N", help="The ONNX graphs take N pictures at a time, all "
                                              "their shapes fixed: for OpenCV and simple runtimes. [default: any number]"
                                              )] = None,
    views: Annotated[int | None, typer.Option(metavar="1|2|6", help="Views of a picture that are averaged. [default: as "
                                              "the recipe has]")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR|FILE.zip", help="Where to. [default: RUN/artifact]")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was measured as one JSON object.")] = False,
) -> None:
    """Export a run for use.

    The artifact holds the network as an ONNX graph, what turns its logits into probabilities, prediction sets and
    outlier warnings, a reference for drift, the model card, and sums of all files. Everything is checked against
    PyTorch before it is written.
    """
    from fashionlab import Run
    from fashionlab.cli.output import print_json, print_table
    from fashionlab.deploy import card

    classifier = Run(run, data_dir=data_dir).export(out, int8=int8, format=format_, prune=prune,
                                                         batch=batch, views=views)
    artifact, target = classifier.artifact, classifier.source
    assert artifact is not None
    about, checked = artifact.description, artifact.check
    if json:
        exported = run if prune is None else run.with_name(about.name)
        print_json({"run": str(exported), "artifact": str(target), **checked, "temperature": about.temperature,
                    "coverage": about.coverage, "outlier_score": about.score})
        return
    print_table(card.HEADER, card.table(checked), right=card.HEADER[1:])
    for line in card.remarks(checked):
        print(line)
    print(f"temperature {about.temperature:.3f}; prediction sets for {about.coverage:.0%}; outliers by {about.score}, "
          f"which lets {about.accepted:.0%} of known pictures pass; learned on {about.validation:,} validation "
          "pictures")
    print(f"{target}: {checked['served']} answers; try it with `fashionlab predict {target} IMAGE...`")
