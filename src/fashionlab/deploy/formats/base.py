"""What every export format is: an entry that makes a network's file and says how it is asked and judged.

To add one: a module in this package that calls ``FORMATS.add(name, GraphFormat(...))`` and loads what is slow within
its functions; the contract tests find it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fashionlab.common.registry import Registry

if TYPE_CHECKING:
    from fashionlab.deploy.graph import Exported

BASE = "float32"  # the format that every artifact holds
Row = Mapping[str, Any]  # of `check.compare`


@dataclass(frozen=True)
class GraphFormat:
    """A form of exported networks.

    file: its name in an artifact. make: the file's bytes.

    open: from those bytes to a function of pictures uint8 [N, C, H, W] that gives logits and features, as it is
    checked; None for an ONNX graph with the inputs and outputs of `session.Session`, which can also serve.

    judge: whether it may serve in place of BASE where its arithmetic is not that of float32: a function of the rows of
    BASE and of its own and the validation accuracies by format, with the keys "served" and "why" in what it returns.
    None where it has to answer as PyTorch does.
    """

    file: str
    make: Callable[[Exported], bytes]
    open: Callable[[bytes], Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]] | None = None
    judge: Callable[[Row, Row, Mapping[str, float]], dict[str, Any]] | None = None

    @property
    def serves(self) -> bool:
        """Whether a service can answer with it."""
        return self.open is None


FORMATS: Registry[GraphFormat] = Registry("export format", "fashionlab.deploy.formats")
