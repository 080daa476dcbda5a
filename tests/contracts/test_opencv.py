"""What every registered network has to do once it is a graph of fixed shapes: be read by OpenCV, and answer there as in
PyTorch. A new one is tested with nothing changed here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from fashionlab import models
from fashionlab.deploy import graph
from fashionlab.deploy.quantize import Quantizer
from fashionlab.deploy.session import Session
from fashionlab.models.catalog import MODELS
from fashionlab.runs.folder import ModelSpec

CLASSES = tuple("abcdefghij")
QUICKLY = ("fast", "se-resnet20", "three-mlp")
# Of each major version one: what is installed, and the others in a folder of their own.
VERSIONS = ("4.14.0.94", "5.0.0.93")
ASK = """
import sys, cv2, numpy
network = cv2.dnn.readNetFromONNX(sys.argv[1])
network.setInput(numpy.load(sys.argv[2]))
numpy.savez(sys.argv[3], *network.forward(["logits", "features"]))
"""


def deployed(name: str, channels: int = 3, size: int = 32) -> graph.Deployed:
    torch.manual_seed(0)
    network = models.build(name, classes=10, channels=channels, image_size=size)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-1, 1)  # pyright: ignore
            layer.running_var.uniform_(0.5, 2)  # pyright: ignore
    spec = ModelSpec(name, {}, CLASSES, channels, size, (0.3,) * channels, (0.35,) * channels, 1)
    return graph.Deployed(network, spec)


def fixed(network: graph.Deployed) -> bytes:
    return graph.to_onnx(graph.to_program(network, batch=1))


def picture(network: graph.Deployed) -> np.ndarray:
    spec = network.spec
    return np.random.default_rng(1).integers(0, 256, (1, spec.channels, spec.image_size, spec.image_size), np.uint8)


def in_opencv(content: bytes, image: np.ndarray) -> list[np.ndarray]:
    cv2 = pytest.importorskip("cv2", reason="needs opencv-python-headless")
    network = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
    network.setInput(image)
    return list(network.forward(["logits", "features"]))


@pytest.mark.parametrize("name", [name if name in QUICKLY else pytest.param(name, marks=pytest.mark.slow)
                                  for name in MODELS.names() if name != "ensemble"])
def test_opencv_reads_it_and_answers_as_pytorch(name: str) -> None:
    # OpenCV 4.14 computes depthwise convolutions wrongly on maps of one pixel, which backbones make of 32 pixels.
    backbone = "weights" in models.argument_names(name)
    network = deployed(name, *((1, 28) if name in ("three-mlp", "three-mlp-fixed") else (3, 64) if backbone else ()))
    image = picture(network)
    for theirs, ours in zip(in_opencv(fixed(network), image), graph.ask(network, image), strict=True):
        assert theirs.shape == ours.shape
        np.testing.assert_allclose(theirs, ours, rtol=1e-3, atol=1e-3 * max(1.0, float(np.abs(ours).max())))


def test_all_shapes_are_fixed() -> None:
    model = onnx.load_from_string(fixed(deployed("fast")))
    values = [*model.graph.input, *model.graph.output, *model.graph.value_info]
    open_ones = [value.name for value in values for dim in value.type.tensor_type.shape.dim
                 if not dim.HasField("dim_value")]
    assert not open_ones
    assert not {"Shape", "If", "Loop"} & {node.op_type for node in model.graph.node}


def test_opencv_reads_int8_too() -> None:
    network = deployed("fast")
    draw = np.random.default_rng(2)
    content = Quantizer(fixed(network), draw.integers(0, 256, (32, 3, 32, 32), dtype=np.uint8)).quantized()
    image = picture(network)
    ours = Session(content, 1).run(image)
    for theirs, own in zip(in_opencv(content, image), ours, strict=True):
        np.testing.assert_allclose(theirs, own, atol=0.1 * float(np.ptp(own)))


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_each_major_version_answers(version: str, tmp_path: Path) -> None:
    """In a folder of its own, from the package index; skipped where there is none."""
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path / "packages")]
    if subprocess.run([*words, f"opencv-python-headless=={version}"], capture_output=True).returncode:
        pytest.skip(f"opencv-python-headless {version} cannot be installed here")
    for name in ("fast", "efficientnet-lite0"):
        network = deployed(name, size=64)
        image = picture(network)
        (tmp_path / "model.onnx").write_bytes(fixed(network))
        np.save(tmp_path / "picture.npy", image)
        code = f"import sys; sys.path.insert(0, {str(tmp_path / 'packages')!r})\n{ASK}"
        done = subprocess.run([sys.executable, "-c", code, "model.onnx", "picture.npy", "answers.npz"],
                              cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        with np.load(tmp_path / "answers.npz") as answers:
            for theirs, ours in zip((answers["arr_0"], answers["arr_1"]), graph.ask(network, image), strict=True):
                np.testing.assert_allclose(theirs, ours, rtol=1e-3, atol=1e-3 * max(1.0, float(np.abs(ours).max())))
