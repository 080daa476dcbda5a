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

from fashionlab.common.records import PictureSet
from fashionlab.deploy.session import Session

_BATCH = 64
_BATCH_PIXELS = _BATCH * 56 * 56  # of larger pictures fewer at a time: what every layer makes of them is held
_MATRIX_OPERATIONS = ("Conv", "Gemm", "MatMul")
# A Clip or Relu whose bounds are those of the scale before it disappears into it.
_ROUNDED = (*_MATRIX_OPERATIONS, "MaxPool", "Relu", "Clip", "Add", "GlobalAveragePool", "ReduceMean")
_PERCENTILE = 99.999


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

    layers: the names of its convolutions and linear layers in order, those between the first and the last where there
    are any. These two stay in float32 then: they have little arithmetic and the most to lose (Krishnamoorthi 2018,
    arXiv:1806.08342).
    """

    def __init__(self, graph: bytes, pictures: np.ndarray) -> None:
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
        layers = _matrix_layers(self._model)
        self._outer = [layers[0], layers[-1]] if len(layers) > 2 else []
        self.layers = [layer for layer in layers if layer not in self._outer]

    def quantized(self, kept: Collection[str] = (), *, per_channel: bool = True) -> bytes:
        """The graph in int8 with operators in QDQ form; same inputs and outputs.

        kept: names of `layers` that stay in float32. per_channel: a scale for each channel of a layer's weights, else
        one for all of them.
        """
        with _silent():
            quantizer = QDQQuantizer(copy.deepcopy(self._model), per_channel, False, QuantType.QInt8, QuantType.QUInt8,
                                     self._ranges, [], [*self._outer, *kept], list(_ROUNDED), {})
            quantizer.quantize_model()
        model = quantizer.model.model
        model.producer_name = ""
        return model.SerializeToString(deterministic=True)


def _batches(pictures: np.ndarray, fixed: int | None) -> Iterator[np.ndarray]:
    """Batches of one size, which the percentile method insists on."""
    size = fixed or max(1, min(_BATCH, _BATCH_PIXELS // pictures.shape[-1] ** 2, len(pictures)))
    for start in range(0, len(pictures) - size + 1, size):
        yield pictures[start : start + size]


def _matrix_layers(model: onnx.ModelProto) -> list[str]:
    """The names of the layers with weights."""
    weights = {one.name for one in model.graph.initializer}
    return [node.name for node in model.graph.node
            if node.op_type in _MATRIX_OPERATIONS and len(node.input) > 1 and node.input[1] in weights]


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """ONNX Runtime's tools print and log their progress."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
