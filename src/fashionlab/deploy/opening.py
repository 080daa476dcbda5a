"""A classifier for programs: open a run, an artifact or the bundled model, and ask it about pictures."""

from __future__ import annotations

from pathlib import Path

from fashionlab.common.errors import DataError
from fashionlab.deploy.artifact import load, locate
from fashionlab.deploy.artifact_classifier import ArtifactClassifier
from fashionlab.deploy.classifier import Classifier


def open_classifier(model: str | Path, threads: int | None = None) -> Classifier:
    """The classifier in `model`: a run's folder, an artifact's folder or zip, or "default", the bundled one.

    threads: None for one a usable core. torch is imported for a run and for nothing else. Raises DataError when there
    is nothing at `model`, or something broken or foreign.
    """
    path = locate(model)
    if (path / "recipe.yaml").is_file():
        from fashionlab.deploy.run_classifier import RunClassifier

        return RunClassifier(path, threads)
    if not path.exists():
        raise DataError(f"{path}: there is no such run, artifact or zip (`default` is the bundled model)")
    return ArtifactClassifier(load(path), threads)
