"""What answers: an artifact in ONNX Runtime, and the drift of the pictures that it has answered."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from fashionlab.common.errors import UsageError
from fashionlab.deploy.artifact_classifier import ArtifactClassifier
from fashionlab.deploy.opening import open_classifier
from fashionlab.drift.monitor import DriftMonitor


@dataclass(frozen=True)
class Model:
    """classifier answers; drift compares what comes with the artifact's reference; sha256 of its graph; loaded, when
    (UTC, ISO 8601)."""

    classifier: ArtifactClassifier
    drift: DriftMonitor
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
    description = classifier.artifact.description
    side = description.image_size
    classifier.observe(np.zeros((1, description.channels, side, side), dtype=np.uint8))
    return Model(classifier, DriftMonitor(classifier.artifact.reference, description.classes),
                 hashlib.sha256(classifier.artifact.graphs[description.graph]).hexdigest(),
                 datetime.now(UTC).isoformat(timespec="seconds"))
