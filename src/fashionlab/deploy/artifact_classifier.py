"""An artifact, answering through ONNX Runtime: what a service runs on. Numpy alone."""

from __future__ import annotations

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.deploy.artifact import Artifact
from fashionlab.deploy.classifier import shaped
from fashionlab.deploy.reference import statistics
from fashionlab.deploy.rules import Answers
from fashionlab.deploy.session import Session
from fashionlab.preparation import Preparations


class ArtifactClassifier:
    """An artifact in ONNX Runtime."""

    def __init__(self, artifact: Artifact, threads: int | None = None) -> None:
        self.artifact = artifact
        description = artifact.description
        self.classes, self.channels, self.image_size = description.classes, description.channels, description.image_size
        self.preparations = Preparations.of_model(description.preparation, self.image_size, self.channels)
        self.session = Session(artifact.graphs[description.graph], threads,
                               f"{artifact.source}, graph {description.graph}")
        if self.session.shape != (description.channels, description.image_size, description.image_size):
            raise DataError(f"{artifact.source}: its graph takes pictures of {self.session.shape}, not as it says of "
                            f"{description.channels} x {description.image_size} x {description.image_size}")

    def answer(self, pictures: np.ndarray) -> Answers:
        return self.artifact.rules.answers(*self.session.ask(shaped(pictures, self)))

    def observe(self, pictures: np.ndarray) -> tuple[Answers, dict[str, np.ndarray]]:
        """As `answer`, and the monitored figures of each picture as `reference.statistics` gives them."""
        images = shaped(pictures, self)
        logits, features = self.session.ask(images)
        answers = self.artifact.rules.answers(logits, features)
        return answers, statistics(images, answers, self.artifact.distance(features))
