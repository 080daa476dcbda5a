"""Pictures from anywhere to answers that can be printed: decoded in threads while the network answers in batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.deploy.artifact_classifier import ArtifactClassifier
from fashionlab.deploy.classifier import Classifier
from fashionlab.deploy.inputs import GivenPicture, Input, PictureFile, SetFile, Unreadable
from fashionlab.deploy.prediction import ClassProbability, Prediction, answer_of
from fashionlab.deploy.rules import Answers
from fashionlab.preparation import WAYS, prepare
from fashionlab.preparation.files import in_threads, to_image

BATCH = 256


class _Named(NamedTuple):
    """A prepared picture. file: None for a picture that came from none. index: the place in it. is_photo: it was not
    one of a data set."""

    file: str | None
    index: int
    picture: np.ndarray
    is_photo: bool = True


def predict(classifier: Classifier, inputs: Sequence[Input], top: int,
            advance: Callable[[int], None] = lambda done: None) -> Iterator[Prediction | Unreadable]:
    """An answer for every picture, in order of `inputs`, with its `top` most probable classes; Unreadable for what
    gives none. `advance` is told how many inputs more are decoded."""
    for batch in _batches(_pictures(classifier, inputs, advance)):
        readable = [one for one in batch if not isinstance(one, Unreadable)]
        answers = iter(_answers(classifier, readable, top))
        yield from (one if isinstance(one, Unreadable) else next(answers) for one in batch)


@dataclass(frozen=True)
class Observed:
    """Pictures in the order they were named: what to call each, its monitored figures (float32 [N] by name), and the
    answers. unreadable: what gave no picture."""

    names: list[str]
    figures: dict[str, np.ndarray]
    answers: Answers
    unreadable: list[Unreadable]


def observe(classifier: ArtifactClassifier, inputs: Sequence[Input],
            advance: Callable[[int], None] = lambda done: None) -> Observed:
    """The monitored figures of every picture; `advance` as in `predict`. Raises DataError when none can be read."""
    names: list[str] = []
    observations: list[tuple[Answers, dict[str, np.ndarray]]] = []
    unreadable: list[Unreadable] = []
    sets = {one.name for one in inputs if isinstance(one, SetFile)}
    for batch in _batches(_pictures(classifier, inputs, advance)):
        unreadable += [one for one in batch if isinstance(one, Unreadable)]
        readable = [one for one in batch if not isinstance(one, Unreadable)]
        names += [f"{one.file} [{one.index}]" if one.file is None or one.file in sets else one.file
                  for one in readable]
        if readable:
            observations.append(classifier.observe(np.stack([one.picture for one in readable])))
    if not observations:
        raise DataError("\n".join(f"{one.file}: {one.reason}" for one in unreadable) or "no pictures")
    figures = {name: np.concatenate([one[name] for _, one in observations]) for name in observations[0][1]}
    batches = (vars(one).values() for one, _ in observations)
    answers = Answers(*(np.concatenate(part) for part in zip(*batches, strict=True)))
    return Observed(names, figures, answers, unreadable)


def _pictures(classifier: Classifier, inputs: Sequence[Input],
              advance: Callable[[int], None]) -> Iterator[_Named | Unreadable]:
    for kind, group in itertools.groupby(inputs, type):
        if kind is PictureFile:
            yield from _decoded(classifier, [one for one in group if isinstance(one, PictureFile)], advance)
            continue
        for one in group:
            if isinstance(one, SetFile):
                yield from _members(classifier, one)
            elif isinstance(one, GivenPicture):
                yield _given(classifier, one)
            elif isinstance(one, Unreadable):
                yield one
            advance(1)


def _given(classifier: Classifier, one: GivenPicture) -> _Named | Unreadable:
    """An array of the very form that the network takes is a picture of the data; anything else is a photo."""
    picture, side, channels = one.picture, classifier.image_size, classifier.channels
    if isinstance(picture, np.ndarray) and picture.shape == (channels, side, side):
        return _Named(None, one.index, picture, is_photo=False)
    # A copy, because reading closes it.
    photo = to_image(picture) if isinstance(picture, np.ndarray) else picture.copy()
    name = f"picture {one.index}"
    try:
        return _Named(None, one.index, prepare(photo, name, classifier.preparations.asked))
    except DataError as error:
        return _unreadable(name, error)


def _decoded(classifier: Classifier, files: list[PictureFile],
             advance: Callable[[int], None]) -> Iterator[_Named | Unreadable]:
    def decode(one: PictureFile) -> np.ndarray:
        return prepare(one.source, one.name, classifier.preparations.asked)

    for one, picture in zip(files, in_threads(decode, files, advance), strict=True):
        yield _unreadable(one.name, picture) if isinstance(picture, DataError) else _Named(one.name, 0, picture)


def _members(classifier: Classifier, one: SetFile) -> Iterator[_Named | Unreadable]:
    try:
        pictures = one.read(classifier.preparations.sets)
    except DataError as error:
        yield _unreadable(one.name, error)
        return
    yield from (_Named(one.name, index, picture, is_photo=False) for index, picture in enumerate(pictures))


def _unreadable(name: str, error: DataError) -> Unreadable:
    return Unreadable(name, str(error).removeprefix(f"{name}: "))


def _batches(pictures: Iterator[_Named | Unreadable]) -> Iterator[list[_Named | Unreadable]]:
    while batch := list(itertools.islice(pictures, BATCH)):
        yield batch


def _answers(classifier: Classifier, pictures: list[_Named], top: int) -> Iterator[Prediction]:
    if not pictures:
        return
    answers = classifier.answer(np.stack([one.picture for one in pictures]))
    remark = WAYS[classifier.preparations.asked.way].remark
    for row, one in enumerate(pictures):
        values = answer_of(classifier.classes, answers, row, top)
        yield Prediction(values["label"], values["probability"],
                         tuple(ClassProbability(**likely) for likely in values["top"]), tuple(values["set"]),
                         values["outlier"], values["outlier_score"], one.file, one.index, one.picture,
                         remark(one.picture) if one.is_photo else "")
