"""`fashionlab predict`: what is on these pictures?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from fashionlab.common.errors import UsageError

if TYPE_CHECKING:
    from fashionlab import Prediction


def command(
    model: Annotated[str, typer.Argument(help="A run, an artifact, or `default` for the bundled model.")],
    images: Annotated[list[str], typer.Argument(
        metavar="IMAGE...", help="Pictures, folders, patterns, sets (IDX, CSV, NPZ ...); - for a picture on stdin.")],
    top: Annotated[int | None, typer.Option(help="How many classes are listed for each picture. [default: 3]")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    jsonl: Annotated[bool, typer.Option(
        "--jsonl", help="Print one JSON object a picture, as soon as it is ready.")] = False,
) -> None:
    """Say what is on pictures.

    Pictures are prepared as the model has it: for the bundled one the garment is found, inverted onto black, centred
    and shrunk. Probabilities are calibrated; the set holds the true class as often as was promised in training; a
    picture unlike the training pictures is called so. Pictures that cannot be read are named on stderr and the rest is
    answered; the exit status is 3 then. What is no picture in a folder is told on stderr as well.
    """
    from json import dumps

    if json and jsonl:
        raise UsageError("--json and --jsonl exclude one another")
    from fashionlab import Classifier, Unreadable
    from fashionlab.cli.output import complain, print_json
    from fashionlab.common.progress import note

    classifier = Classifier(model)
    if top is not None and not 1 <= top <= len(classifier.classes):
        raise UsageError(f"--top {top}: expected 1 to {len(classifier.classes)}, the number of the model's classes")
    predictions: list[Prediction] = []
    unreadable: list[Unreadable] = []
    for answer in classifier.stream(images, top=top, quiet=False):
        if isinstance(answer, Unreadable):
            unreadable.append(answer)
            continue
        predictions.append(answer)
        if jsonl:
            print(dumps(answer.as_dict()), flush=True)
    if json:
        print_json({"model": model, "predictions": [prediction.as_dict() for prediction in predictions],
                    "unreadable": [vars(file) for file in unreadable]})
    elif predictions and not jsonl:
        _print_table(predictions)
    for prediction in predictions:
        if prediction.remark:
            note(f"note: {prediction.file}: {prediction.remark}")
    complain(unreadable, len(predictions))


def _print_table(predictions: Sequence[Prediction]) -> None:
    from fashionlab.cli.output import print_table

    sets = {prediction.file for prediction in predictions if prediction.index}
    rows = []
    for prediction in predictions:
        name = f"{prediction.file} [{prediction.index}]" if prediction.file in sets else prediction.file
        others = ", ".join(f"{other.label} {other.probability:.1%}" for other in prediction.top[1:])
        label = f"unlike the training pictures ({prediction.label}?)" if prediction.outlier else prediction.label
        rows.append((name, label, f"{prediction.probability:.1%}", others, " or ".join(prediction.set) or "none"))
    print_table(["picture", "is", "probability", "else", "prediction set"], rows, right=["probability"])
