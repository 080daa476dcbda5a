"""What stands at a path, opened as what it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fashionlab.api.classifier import Classifier

if TYPE_CHECKING:
    from fashionlab.api.run import Run


def load(source: str | os.PathLike[str], *, data_dir: str | os.PathLike[str] | None = None,
         device: str = "auto") -> Run | Classifier:
    """The Run in a run's folder, else the Classifier in an artifact (a folder or zip) or "default", the bundled model.

    data_dir, device: for a run, as `Run` takes them. Raises DataError when there is neither. An artifact is opened
    without PyTorch.
    """
    path = Path(source)
    if (path / "recipe.yaml").is_file():
        from fashionlab.api.run import Run

        return Run(path, data_dir=data_dir, device=device)
    return Classifier(os.fspath(source))
