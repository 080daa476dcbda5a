"""A graph in ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np

from fashionlab.common.cores import usable_cores
from fashionlab.common.errors import DataError

# Activations of this many pictures fit into the processor's caches; larger batches are slower a picture.
CHUNK = 64


class Session:
    """An ONNX graph that takes pictures uint8 [N, C, H, W] and gives logits float32 [N, K] and features float32 [N, D].

    graph: the file's bytes. threads: None for one a usable core. source: what messages call it.
    Raises DataError when ONNX Runtime cannot read it. `batch`: how many pictures the graph takes at a time; None for
    any number.
    """

    def __init__(self, graph: bytes, threads: int | None = None, source: str = "graph") -> None:
        import onnxruntime  # takes a moment, and only this needs it

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or usable_cores()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that spin while they wait for work slow down everything else on the machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no common base of their own
            first = str(error).splitlines()[0]
            raise DataError(f"{source}: ONNX Runtime cannot read this graph ({first})") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if [one.type for one in inputs] != ["tensor(uint8)"] or [one.name for one in outputs] != ["logits", "features"]:
            raise DataError(f"{source}: not a graph of fashionlab (pictures in; logits and features out)")
        self._input = inputs[0].name
        self.shape: tuple[int, ...] = tuple(inputs[0].shape[1:])
        self.batch: int | None = inputs[0].shape[0] if isinstance(inputs[0].shape[0], int) else None

    def run(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits and features of pictures uint8 [N, C, H, W], N at least 1: all at once, or as many as `batch` says."""
        if self.batch in (None, len(pictures)):
            return self._once(pictures)
        size = self.batch
        filled = np.resize(pictures, (-(-len(pictures) // size) * size, *self.shape))  # what is too many, thrown away
        parts = [self._once(filled[start : start + size]) for start in range(0, len(filled), size)]
        logits, features = (np.concatenate(ones)[: len(pictures)] for ones in zip(*parts, strict=True))
        return logits, features

    def _once(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outputs: Any = self._session.run(None, {self._input: np.ascontiguousarray(pictures)})
        return outputs[0], outputs[1]

    def ask(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `run`, in chunks; N may be anything, also 0."""
        if not len(pictures):
            logits, features = self.run(np.zeros((1, *self.shape), dtype=np.uint8))
            return logits[:0], features[:0]
        parts = [self.run(pictures[start : start + CHUNK]) for start in range(0, len(pictures), CHUNK)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
