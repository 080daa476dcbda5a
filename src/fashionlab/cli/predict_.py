"""`fashionlab predict`: what is on these pictures?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from fashionlab.common.errors import UsageError


def command(
    model: Annotated[str, typer.Argument(help="A run, an artifact, or `default` for the bundled model.")],
    images: Annotated[list[str], typer.Argument(
        metavar="IMAGE...", help="Pictures, folders, patterns, sets (IDX, CSV, NPZ ...); - for a picture on stdin.")],
    top: Annotated[int, typer.Option(help="How many classes are listed for each picture.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    jsonl: Annotated[bool, typer.Option(
        "--jsonl", help="Print one JSON object a picture, as soon as it is ready.")] = False,
) -> None:
    """Say what is on pictures.

    Photos are brought into the form of Fashion-MNIST first: the garment is found, inverted onto black, centred and
    shrunk. Probabilities are calibrated; the set holds the true class as often as was promised in training; a picture
    unlike any garment is called so. Pictures that cannot be read are named on stderr and the rest is answered; the
    exit status is 3 then.
    """
    from json import dumps

    if json and jsonl:
        raise UsageError("--json and --jsonl exclude one another")
    from fashionlab.cli.output import complain, print_json
    from fashionlab.common.progress import progress
    from fashionlab.deploy.inputs import Unreadable, find
    from fashionlab.deploy.opening import open_classifier
    from fashionlab.deploy.predict import predict

    classifier = open_classifier(model)
    if not 1 <= top <= len(classifier.classes):
        raise UsageError(f"--top {top}: expected 1 to {len(classifier.classes)}, the number of the model's classes")
    inputs = find(images)
    answers: list[dict[str, Any]] = []
    unreadable = []
    with progress("looking at pictures", len(inputs)) as advance:
        for one in predict(classifier, inputs, top, advance):
            if isinstance(one, Unreadable):
                unreadable.append(one)
                continue
            answers.append(one)
            if jsonl:
                print(dumps(one), flush=True)
    if json:
        print_json({"model": model, "predictions": answers, "unreadable": [vars(one) for one in unreadable]})
    elif answers and not jsonl:
        _print_table(answers)
    complain(unreadable, len(answers))


def _print_table(answers: Sequence[dict[str, Any]]) -> None:
    from fashionlab.cli.output import print_table

    sets = {one["file"] for one in answers if one["index"]}
    rows = []
    for one in answers:
        file = f"{one['file']} [{one['index']}]" if one["file"] in sets else one["file"]
        others = ", ".join(f"{other['label']} {other['probability']:.1%}" for other in one["top"][1:])
        label = f"not a garment ({one['label']}?)" if one["outlier"] else one["label"]
        rows.append((file, label, f"{one['probability']:.1%}", others, " or ".join(one["set"]) or "none"))
    print_table(["picture", "is", "probability", "else", "prediction set"], rows, right=["probability"])
