"""`fashionlab export`: a run becomes an artifact that needs no PyTorch, or a page that needs no service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fashionlab import Classifier

WEB = "web"


def command(
    run: Annotated[Path, typer.Argument(help="The folder of a run. With --format web also an artifact, or `default`.")],
    format_: Annotated[str, typer.Option("--format", help="onnx; or what is made beside it, such as pt2 for "
                                         "torch.export.load; or web, a page that answers in the browser.")] = "onnx",
    int8: Annotated[bool, typer.Option("--int8", help="Also make a graph in 8-bit integers; it answers where it loses "
                                       "at most 0.2 points and is faster.")] = False,
    prune: Annotated[float | None, typer.Option(metavar="SHARE", help="First take this share of the channels away and "
                                                "fine-tune, as a run beside RUN.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, metavar="N", help="The ONNX graphs take N pictures at a time, "
                                              "all their shapes fixed: for OpenCV and simple runtimes. [default: any "
                                              "number]")] = None,
    views: Annotated[int | None, typer.Option(metavar="1|2|6", help="Views of a picture that are averaged. [default: "
                                              "as the recipe has]")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR|FILE.zip", help="Where to. [default: RUN/artifact; with "
                                             "--format web RUN/web, of an artifact web]")] = None,
    runtime: Annotated[Path | None, typer.Option(metavar="PATH", help="With --format web: npm's package "
                                                 "onnxruntime-web, a .tgz or a folder. [default: fetched from npm, "
                                                 "once]")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was measured as one JSON object.")] = False,
) -> None:
    """Export a run for use.

    The artifact holds the network as an ONNX graph, what turns its logits into probabilities, prediction sets and
    outlier warnings, a reference for drift, the model card, and sums of all files. Everything is checked against
    PyTorch before it is written. With --format web a page that answers in the browser is made of it.
    """
    from fashionlab import Classifier, Run, UsageError, load

    options: dict[str, Any] = {"int8": int8, "prune": prune, "batch": batch, "views": views}
    if format_ != WEB:
        if runtime:
            raise UsageError("--runtime goes with --format web")
        _tell_artifact(Run(run, data_dir=data_dir).export(out, format=format_, **options), run, prune, json)
        return
    model = load(run, data_dir=data_dir)
    if isinstance(model, Classifier) and any(value is not None and value is not False for value in options.values()):
        raise UsageError(f"{run} is no run: --int8, --prune, --batch and --views are for the export of one")
    classifier = model if isinstance(model, Classifier) else model.export(**options)
    page = classifier.web_page(out or (Path(WEB) if isinstance(model, Classifier) else run / WEB), runtime=runtime)
    _tell_page(page, classifier, json)


def _tell_artifact(classifier: Classifier, run: Path, prune: float | None, json: bool) -> None:
    from fashionlab.cli.output import print_json, print_table
    from fashionlab.deploy import card

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


def _tell_page(page: Path, classifier: Classifier, json: bool) -> None:
    from fashionlab.cli.output import print_json

    size = page.stat().st_size if page.is_file() else sum(file.stat().st_size for file in page.iterdir())
    artifact = classifier.artifact
    assert artifact is not None
    if json:
        print_json({"page": str(page), "bytes": size, "model": artifact.source, "graph": artifact.description.graph})
        return
    print(f"{page}: {size / 1e6:.1f} MB, the page and {artifact.description.graph} of {artifact.source}")
    print(f"any server of files offers it: `python -m http.server --directory {page}`, then http://localhost:8000/")
