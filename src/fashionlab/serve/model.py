"""What answers: an artifact in ONNX Runtime and the watch over it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from fashionlab.common.errors import UsageError
from fashionlab.deploy.artifact_classifier import ArtifactClassifier
from fashionlab.deploy.opening import open_classifier
from fashionlab.drift.watcher import Watcher


@dataclass(frozen=True)
class Model:
    """classifier answers, watcher compares what comes with what it learned from; sha256 of its graph; loaded, when
    (UTC, ISO 8601)."""

    classifier: ArtifactClassifier
    watcher: Watcher
    sha256: str
    loaded: str


def load_model(source: str, threads: int | None = None) -> Model:
    """The artifact at `source`, or the bundled one for "default", after its first call.

    Raises UsageError for the folder of a run, which needs PyTorch, and DataError for what is no sound artifact.
    """
    if (Path(source) / "recipe.yaml").is_file():
        raise UsageError(f"{source} is a run; make an artifact of it first: `fashionlab export {source}`, "
                         f"then `fashionlab serve {Path(source) / 'artifact'}`")
    classifier = open_classifier(source, threads)
    assert isinstance(classifier, ArtifactClassifier)
    told = classifier.artifact.description
    classifier.observe(np.zeros((1, told.channels, told.image_size, told.image_size), dtype=np.uint8))
    return Model(classifier, Watcher(classifier.artifact.reference, told.classes),
                 hashlib.sha256(classifier.artifact.graphs[told.graph]).hexdigest(),
                 datetime.now(UTC).isoformat(timespec="seconds"))
