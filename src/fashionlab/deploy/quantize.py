"""A graph whose convolutions and linear layers compute in 8-bit integers.

Post-training static quantization (Jacob et al. 2018, arXiv:1712.05877; Nagel et al. 2021, arXiv:2106.08295): weights
get a scale a channel, activations one scale a tensor, taken from what training pictures make of them.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

_BATCH = 64
_MATRIX_OPERATIONS = ("Conv", "Gemm", "MatMul")


class _Pictures(CalibrationDataReader):
    """Batches of one size, which the percentile method insists on; up to 63 pictures at the end are left out."""

    def __init__(self, pictures: np.ndarray) -> None:
        size = min(_BATCH, len(pictures))
        self._parts = iter([pictures[start : start + size] for start in range(0, len(pictures) - size + 1, size)])

    def get_next(self) -> dict[str, Any]:  # type: ignore[override]
        part = next(self._parts, None)
        return None if part is None else {"pictures": part}  # type: ignore[return-value]


def to_int8(graph: bytes, pictures: np.ndarray) -> bytes:
    """The graph in int8 with operators in QDQ form; same inputs and outputs.

    pictures: training pictures uint8 [N, C, H, W] on which activations are observed; of each tensor's values all but
    one in 100,000 at each end fit into its scale. The first and the last layer stay in float32 where there are others:
    they have little arithmetic and the most to lose (Krishnamoorthi 2018, arXiv:1806.08342).
    """
    with TemporaryDirectory() as folder, _silent():
        plain, prepared, quantized = (Path(folder) / f"{name}.onnx" for name in ("plain", "prepared", "quantized"))
        plain.write_bytes(graph)
        # Batch norms go into the weights of their convolutions before these are rounded.
        quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared), str(quantized), _Pictures(pictures), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            op_types_to_quantize=[*_MATRIX_OPERATIONS, "MaxPool", "Relu", "Add", "GlobalAveragePool"],
            nodes_to_exclude=_outer_layers(onnx.load(prepared)), calibrate_method=CalibrationMethod.Percentile,
            extra_options={"CalibPercentile": 99.999})
        return quantized.read_bytes()


def _outer_layers(model: onnx.ModelProto) -> list[str]:
    """The names of the first and the last layer; none where there is nothing between them."""
    weights = {one.name for one in model.graph.initializer}
    layers = [node.name for node in model.graph.node
              if node.op_type in _MATRIX_OPERATIONS and len(node.input) > 1 and node.input[1] in weights]
    return [layers[0], layers[-1]] if len(layers) > 2 else []


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """ONNX Runtime's tools print and log their progress."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
