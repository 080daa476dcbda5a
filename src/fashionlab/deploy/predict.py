"""Pictures from anywhere to answers that can be printed: decoded in threads while the network answers in batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.picture_files import in_threads
from fashionlab.deploy.artifact_classifier import ArtifactClassifier
from fashionlab.deploy.classifier import Classifier
from fashionlab.deploy.inputs import PictureFile, SetFile, Unreadable
from fashionlab.deploy.rules import Answers
from fashionlab.photo.garment import picture_in_form

BATCH = 256
_Named = tuple[str, int, np.ndarray]  # the file, the place in it, the picture in the classifier's form


def predict(classifier: Classifier, inputs: Sequence[PictureFile | SetFile | Unreadable], top: int,
            advance: Callable[[int], None] = lambda done: None) -> Iterator[dict[str, Any] | Unreadable]:
    """An answer for every picture, in order of `inputs`; Unreadable for what gives none. `advance` is told how many
    inputs more are decoded.

    An answer: file; index (its place in a set, else 0); label, the most probable class, and its probability; top, the
    `top` most probable as label and probability; set, the labels of the prediction set; strangeness; outlier, whether
    it is strange enough to be no garment.
    """
    for batch in _batches(_pictures(classifier, inputs, advance)):
        readable = [one for one in batch if not isinstance(one, Unreadable)]
        answers = iter(_answers(classifier, readable, top))
        yield from (one if isinstance(one, Unreadable) else next(answers) for one in batch)


@dataclass(frozen=True)
class Observed:
    """Pictures in the order they were named: what to call each, its watched figures (float32 [N] by name), and the
    answers. unreadable: what gave no picture."""

    names: list[str]
    figures: dict[str, np.ndarray]
    answers: Answers
    unreadable: list[Unreadable]


def observe(classifier: ArtifactClassifier, inputs: Sequence[PictureFile | SetFile | Unreadable],
            advance: Callable[[int], None] = lambda done: None) -> Observed:
    """What is watched of every picture; `advance` as in `predict`. Raises DataError when none can be read."""
    names: list[str] = []
    found: list[tuple[Answers, dict[str, np.ndarray]]] = []
    unreadable: list[Unreadable] = []
    sets = {one.name for one in inputs if isinstance(one, SetFile)}
    for batch in _batches(_pictures(classifier, inputs, advance)):
        unreadable += [one for one in batch if isinstance(one, Unreadable)]
        readable = [one for one in batch if not isinstance(one, Unreadable)]
        names += [f"{name} [{index}]" if name in sets else name for name, index, _ in readable]
        if readable:
            found.append(classifier.observe(np.stack([picture for _, _, picture in readable])))
    if not found:
        raise DataError("\n".join(f"{one.file}: {one.reason}" for one in unreadable) or "no pictures")
    figures = {name: np.concatenate([one[name] for _, one in found]) for name in found[0][1]}
    answers = Answers(*(np.concatenate(part) for part in zip(*(vars(said).values() for said, _ in found), strict=True)))
    return Observed(names, figures, answers, unreadable)


def _pictures(classifier: Classifier, inputs: Sequence[PictureFile | SetFile | Unreadable],
              advance: Callable[[int], None]) -> Iterator[_Named | Unreadable]:
    for kind, group in itertools.groupby(inputs, type):
        if kind is PictureFile:
            yield from _decoded(classifier, [one for one in group if isinstance(one, PictureFile)], advance)
            continue
        for one in group:
            yield from _members(classifier, one) if isinstance(one, SetFile) else (one,)  # pyright: ignore
            advance(1)


def _decoded(classifier: Classifier, files: list[PictureFile],
             advance: Callable[[int], None]) -> Iterator[_Named | Unreadable]:
    def decode(one: PictureFile) -> np.ndarray:
        return picture_in_form(one.source, one.name, classifier.image_size, classifier.channels)

    for one, picture in zip(files, in_threads(decode, files, advance), strict=True):
        yield _unreadable(one.name, picture) if isinstance(picture, DataError) else (one.name, 0, picture)


def _members(classifier: Classifier, one: SetFile) -> Iterator[_Named | Unreadable]:
    try:
        pictures = one.read(classifier.image_size, classifier.channels)
    except DataError as error:
        yield _unreadable(one.name, error)
        return
    yield from ((one.name, index, picture[0] if len(picture) == 1 else picture)
                for index, picture in enumerate(pictures))


def _unreadable(name: str, error: DataError) -> Unreadable:
    return Unreadable(name, str(error).removeprefix(f"{name}: "))


def _batches(pictures: Iterator[_Named | Unreadable]) -> Iterator[list[_Named | Unreadable]]:
    while batch := list(itertools.islice(pictures, BATCH)):
        yield batch


def _answers(classifier: Classifier, pictures: list[_Named], top: int) -> Iterator[dict[str, Any]]:
    if not pictures:
        return
    said = classifier.answer(np.stack([picture for _, _, picture in pictures]))
    for row, (name, index, _) in enumerate(pictures):
        yield {"file": name, "index": index, **in_words(classifier.classes, said, row, top)}


def in_words(classes: Sequence[str], said: Answers, row: int, top: int) -> dict[str, Any]:
    """What `said` says of one picture, from "label" on as `predict` gives it."""
    probabilities = said.probabilities[row]
    likely = [{"label": classes[one], "probability": float(probabilities[one])}
              for one in np.argsort(-probabilities, kind="stable")[:top].tolist()]
    return {**likely[0], "top": likely, "set": [classes[one] for one in np.flatnonzero(said.sets[row]).tolist()],
            "outlier": bool(said.outlier[row]), "strangeness": float(said.strangeness[row])}
