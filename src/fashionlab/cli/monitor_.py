"""`fashionlab monitor`: do these pictures look like those that the model was made with?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from fashionlab.common.errors import UsageError

if TYPE_CHECKING:
    from fashionlab.common.records import LeftOut
    from fashionlab.drift.scan import Scan


def command(
    images: Annotated[list[str], typer.Argument(
        metavar="FOLDER...", help="Folders, pictures, patterns, sets (IDX, CSV, NPZ ...), as `predict` takes them.")],
    model: Annotated[str, typer.Option(help="An artifact, or `default` for the bundled model.")] = "default",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare pictures with those that a model was made with.

    They are compared in the order of their names, 500 at a time, as a service compares them: brightness, ink, distance
    from what the network knows, confidence, and the shares of the answered classes. Says which of these drifted, and
    since when. The exit status is 0 whether or not any did; 3 where pictures could not be read.
    """
    from dataclasses import asdict

    from fashionlab.cli.output import complain, print_json
    from fashionlab.common.progress import progress
    from fashionlab.deploy.artifact_classifier import ArtifactClassifier
    from fashionlab.deploy.inputs import find, note_left_out
    from fashionlab.deploy.opening import open_classifier
    from fashionlab.deploy.predict import observe
    from fashionlab.drift.scan import scan

    classifier = open_classifier(model)
    if not isinstance(classifier, ArtifactClassifier):
        raise UsageError(f"{model}: a run has nothing to compare with; make an artifact: fashionlab export {model}")
    left_out: list[LeftOut] = []
    inputs = find(images, left_out)
    note_left_out(left_out)
    with progress("looking at pictures", len(inputs)) as advance:
        seen = observe(classifier, inputs, advance)
    result = scan(classifier.artifact.reference, classifier.classes, seen.figures, seen.answers)
    if json:
        figures = [{**asdict(figure), "picture": None if figure.raised is None else seen.names[figure.raised]}
                   for figure in result.figures]
        print_json({"model": model, "pictures": result.pictures, "window": result.window, "drift": result.alarm,
                    "figures": figures, "unreadable": [asdict(unreadable) for unreadable in seen.unreadable]})
    else:
        _print(result, seen.names)
    complain(seen.unreadable, result.pictures)


def _print(result: Scan, names: Sequence[str]) -> None:
    from fashionlab.cli.output import print_table, warn

    header = ["figure", "statistic", "largest", "limit", ""]
    print_table(header, [(figure.name, figure.statistic.upper(), f"{figure.largest:.3f}", f"{figure.limit:.3f}",
                          "drifted" if figure.alarm else "") for figure in result.figures], right=header[2:4])
    for figure in result.figures:
        if figure.raised is not None:
            first, last = figure.raised + 2 - result.window, figure.raised + 1
            since = f"since one of the pictures {first:,} to {last:,}" if first > 1 else "from the first on"
            print(f"{figure.name} drifted {since}; noticed at {names[figure.raised]}")
    if blind := [figure.name for figure in result.figures if figure.statistic == "ks" and figure.limit >= 1]:
        warn(f"no drift of {', '.join(blind)} could be shown: the model's reference has too few validation pictures")
    if not result.alarm:
        print(f"no drift in {result.pictures:,} pictures, {result.window} at a time")
