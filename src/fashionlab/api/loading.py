"""What stands at a path, opened as what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionlab.api.classifier import Classifier
from fashionlab.common.arguments import PathLike, as_path

if TYPE_CHECKING:
    from fashionlab.api.run import Run


def load(source: PathLike, *, data_dir: PathLike | None = None,
         device: str = "auto") -> Run | Classifier:
    """The Run in a run's folder, else the Classifier in an artifact (a folder or zip) or "default", the bundled model.

    data_dir, device: for a run, as `Run` takes them. Raises DataError when there is neither. An artifact is opened
    without PyTorch.
    """
    path = as_path(source, "source")
    if (path / "recipe.yaml").is_file():
        from fashionlab.api.run import Run

        return Run(path, data_dir=data_dir, device=device)
    return Classifier(source)
