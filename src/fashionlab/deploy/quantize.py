"""A graph whose convolutions and linear layers compute in 8-bit integers.

Post-training static quantization (Jacob et al. 2018, arXiv:1712.05877; Nagel et al. 2021, arXiv:2106.08295): weights
get a scale a channel, activations one scale a tensor, taken from what training pictures make of them.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
from collections.abc import Collection, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import create_calibrator
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.quant_utils import load_model_with_shape_infer
from onnxruntime.quantization.shape_inference import quant_pre_process

from fashionlab.deploy.session import Session

_BATCH = 64
_BATCH_PIXELS = _BATCH * 56 * 56  # of larger pictures fewer at a time: what every layer makes of them is held
_MATRIX_OPERATIONS = ("Conv", "Gemm", "MatMul")
# A Clip or Relu whose bounds are those of the scale before it disappears into it.
_ROUNDED = (*_MATRIX_OPERATIONS, "MaxPool", "Relu", "Clip", "Add", "GlobalAveragePool")
_PERCENTILE = 99.999
DEPTHWISE, ADDITION = "depthwise convolution", "addition"


class _Pictures(CalibrationDataReader):
    """One batch."""

    def __init__(self, pictures: np.ndarray) -> None:
        self._batches = iter([{"pictures": pictures}])

    def get_next(self) -> dict[str, Any]:  # type: ignore[override]
        return next(self._batches, None)  # type: ignore[return-value]


class Quantizer:
    """A graph of `graph.to_onnx` that can be had in int8, whole or with some layers kept in float32.

    graph: the file's bytes. pictures: training pictures uint8 [N, C, H, W], at least one, on which activations are
    observed, once: of each tensor's values all but one in 100,000 at each end fit into its scale. Up to a batch of
    them less one at the end are left out.

    layers: what may be kept, in order, by the names of the graph's nodes: convolutions, linear layers and additions,
    with what each is. The first and the last layer with weights are not among them where there are others: they stay
    in float32 in any case, for they have little arithmetic and the most to lose (Krishnamoorthi 2018,
    arXiv:1806.08342). float32: the graph as it was given.
    """

    def __init__(self, graph: bytes, pictures: np.ndarray) -> None:
        self.float32 = graph
        with TemporaryDirectory() as folder, _silent():
            plain, prepared, observed = (Path(folder) / f"{name}.onnx" for name in ("plain", "prepared", "observed"))
            plain.write_bytes(graph)
            # Batch norms go into the weights of their convolutions before these are rounded.
            quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
            self._model = load_model_with_shape_infer(prepared)
            calibrator = create_calibrator(str(prepared), _ROUNDED, str(observed), CalibrationMethod.Percentile,
                                           extra_options={"percentile": _PERCENTILE})
            for batch in _batches(pictures, Session(graph, 1).batch):
                calibrator.collect_data(_Pictures(batch))
            self._ranges = calibrator.compute_data()
        kinds = _kinds(self._model)
        weighted = [name for name, kind in kinds.items() if kind != ADDITION]
        self._outer = [weighted[0], weighted[-1]] if len(weighted) > 2 else []
        self.layers = {name: kind for name, kind in kinds.items() if name not in self._outer}

    def quantized(self, kept: Collection[str] = (), *, per_channel: bool = True) -> bytes:
        """The graph in int8 with operators in QDQ form; same inputs and outputs.

        kept: names of `layers` that stay in float32. per_channel: a scale for each channel of a layer's weights, else
        one for all of them.
        """
        with _silent():
            quantizer = QDQQuantizer(copy.deepcopy(self._model), per_channel, False, QuantType.QInt8, QuantType.QUInt8,
                                     self._ranges, [], [*self._outer, *kept], list(_ROUNDED), {})
            quantizer.quantize_model()
            quantizer.model.topological_sort()  # as the standard wants it, and simple readers need it
        model = quantizer.model.model
        onnx.checker.check_model(model)
        model.producer_name = ""
        return model.SerializeToString(deterministic=True)


def _batches(pictures: np.ndarray, fixed: int | None) -> Iterator[np.ndarray]:
    """Batches of one size, which the percentile method insists on."""
    size = fixed or max(1, min(_BATCH, _BATCH_PIXELS // pictures.shape[-1] ** 2, len(pictures)))
    for start in range(0, len(pictures) - size + 1, size):
        yield pictures[start : start + size]


def _kinds(model: onnx.ModelProto) -> dict[str, str]:
    """Each layer with weights and each addition of two activations, by its name: what it is, for people."""
    weights = {one.name for one in model.graph.initializer}
    kinds = {}
    for node in model.graph.node:
        second = node.input[1] if len(node.input) > 1 else ""
        if node.op_type in _MATRIX_OPERATIONS and second in weights:
            groups = next((one.i for one in node.attribute if one.name == "group"), 1)
            kinds[node.name] = "linear" if node.op_type != "Conv" else "convolution" if groups == 1 else DEPTHWISE
        elif node.op_type == "Add" and not weights.intersection(node.input):
            kinds[node.name] = ADDITION
    return kinds


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """ONNX Runtime's tools print and log their progress."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
