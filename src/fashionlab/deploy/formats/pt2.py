"""PyTorch's own format, for `torch.export.load`."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from fashionlab.deploy.formats.base import FORMATS, GraphFormat

if TYPE_CHECKING:
    from fashionlab.deploy.graph import Exported


def make(network: Exported) -> bytes:
    import torch

    from fashionlab.deploy.graph import silent

    with TemporaryDirectory() as folder, silent():
        path = Path(folder) / "model.pt2"
        torch.export.save(network.program, path)
        return path.read_bytes()


def opened(content: bytes) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The network in a file that `make` made (it is trusted: do not open foreign ones)."""
    import torch

    from fashionlab.deploy.graph import ask, silent

    with silent():
        return partial(ask, torch.export.load(io.BytesIO(content)).module())


FORMATS.add("pt2", GraphFormat("model.pt2", make, opened))
