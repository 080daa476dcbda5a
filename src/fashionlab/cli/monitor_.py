"""`fashionlab monitor`: do these pictures look like those that the model was made with?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from fashionlab.common.errors import UsageError

if TYPE_CHECKING:
    from fashionlab.drift.scan import Scan


def command(
    images: Annotated[list[str], typer.Argument(
        metavar="FOLDER...", help="Folders, pictures, patterns, sets (IDX, CSV, NPZ ...), as `predict` takes them.")],
    model: Annotated[str, typer.Option(help="An artifact, or `default` for the bundled model.")] = "default",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare pictures with those that a model was made with.

    They are watched in the order of their names, 500 at a time, as a service watches them: brightness, ink, distance
    from what the network knows, confidence, and the shares of the answered classes. Says which of these drifted, and
    since when. The exit status is 0 whether or not any did; 3 where pictures could not be read.
    """
    from dataclasses import asdict

    from fashionlab.cli.output import complain, print_json
    from fashionlab.common.progress import progress
    from fashionlab.deploy.artifact_classifier import ArtifactClassifier
    from fashionlab.deploy.inputs import find
    from fashionlab.deploy.opening import open_classifier
    from fashionlab.deploy.predict import observe
    from fashionlab.drift.scan import scan

    classifier = open_classifier(model)
    if not isinstance(classifier, ArtifactClassifier):
        raise UsageError(f"{model}: a run has nothing to compare with; make an artifact: fashionlab export {model}")
    inputs = find(images)
    with progress("looking at pictures", len(inputs)) as advance:
        seen = observe(classifier, inputs, advance)
    found = scan(classifier.artifact.reference, classifier.classes, seen.figures, seen.answers)
    if json:
        figures = [{**asdict(one), "picture": None if one.raised is None else seen.names[one.raised]}
                   for one in found.figures]
        print_json({"model": model, "pictures": found.pictures, "window": found.window, "drift": found.alarm,
                    "figures": figures, "unreadable": [asdict(one) for one in seen.unreadable]})
    else:
        _print(found, seen.names)
    complain(seen.unreadable, found.pictures)


def _print(found: Scan, names: Sequence[str]) -> None:
    from fashionlab.cli.output import print_table

    header = ["figure", "statistic", "largest", "limit", ""]
    print_table(header, [(one.name, one.statistic.upper(), f"{one.largest:.3f}", f"{one.limit:.3f}",
                          "drifted" if one.alarm else "") for one in found.figures], right=header[2:4])
    for one in found.figures:
        if one.raised is not None:
            first = one.raised + 1 - found.window
            since = f"since one of the pictures {first + 1:,} to {one.raised + 1:,}" if first else "from the first on"
            print(f"{one.name} drifted {since}; noticed at {names[one.raised]}")
    if not found.alarm:
        print(f"no drift in {found.pictures:,} pictures, {found.window} at a time")
