"""A classifier for programs: open a run, an artifact or the bundled model, and ask it about pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from fashionlab.deploy.artifact import Artifact, load, place
from fashionlab.deploy.reference import statistics
from fashionlab.deploy.rules import Answers
from fashionlab.deploy.session import Session
from fashionlab.errors import DataError

__all__ = ["Answers", "ArtifactClassifier", "Classifier", "open_classifier", "shaped"]


class Classifier(Protocol):
    """classes: names in label order. Pictures have `channels` channels and `image_size` rows and columns."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def channels(self) -> int: ...

    @property
    def image_size(self) -> int: ...

    def answer(self, pictures: np.ndarray) -> Answers:
        """What it says of pictures uint8 [N, C, H, W], or [N, H, W] where it has one channel, in the data's form: in
        Fashion-MNIST light garments on black. N may be 0. Raises DataError for pictures of another form."""
        ...


def open_classifier(model: str | Path, threads: int | None = None) -> Classifier:
    """The classifier in `model`: a run's folder, an artifact's folder or zip, or "default", the bundled one.

    threads: None for one a usable core. torch is imported for a run and for nothing else. Raises DataError when there
    is nothing at `model`, or something broken or foreign.
    """
    path = place(model)
    if (path / "recipe.yaml").is_file():
        from fashionlab.deploy.run_classifier import RunClassifier

        return RunClassifier(path, threads)
    if not path.exists():
        raise DataError(f"{path}: there is no such run, artifact or zip (`default` is the bundled model)")
    return ArtifactClassifier(load(path), threads)


class ArtifactClassifier:
    """An artifact in ONNX Runtime."""

    def __init__(self, artifact: Artifact, threads: int | None = None) -> None:
        self.artifact = artifact
        told = artifact.description
        self.classes, self.channels, self.image_size = told.classes, told.channels, told.image_size
        self.session = Session(artifact.graphs[told.graph], threads, f"{artifact.source}, graph {told.graph}")
        if self.session.shape != (told.channels, told.image_size, told.image_size):
            raise DataError(f"{artifact.source}: its graph takes pictures of {self.session.shape}, not as it says of "
                            f"{told.channels} x {told.image_size} x {told.image_size}")

    def answer(self, pictures: np.ndarray) -> Answers:
        return self.artifact.rules.answers(*self.session.ask(shaped(pictures, self)))

    def observe(self, pictures: np.ndarray) -> tuple[Answers, dict[str, np.ndarray]]:
        """As `answer`, and the watched figures of each picture as `reference.statistics` gives them."""
        images = shaped(pictures, self)
        logits, features = self.session.ask(images)
        answers = self.artifact.rules.answers(logits, features)
        return answers, statistics(images, answers, self.artifact.distance(features))


def shaped(pictures: np.ndarray, classifier: Classifier) -> np.ndarray:
    """`pictures` as uint8 [N, C, H, W]. Raises DataError when they have another form than `classifier` takes."""
    channels, side = classifier.channels, classifier.image_size
    found = pictures[:, None] if pictures.ndim == 3 and channels == 1 else pictures
    if found.dtype != np.uint8 or found.ndim != 4 or found.shape[1:] != (channels, side, side):
        raise DataError(f"pictures must be uint8 [N, {channels}, {side}, {side}], not {pictures.dtype} "
                        f"{list(pictures.shape)}")
    return found
