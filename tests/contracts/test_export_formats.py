"""What every registered export format has to do. A new one is tested with nothing changed here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from fashionlab import models
from fashionlab.common.records import PictureSet, Split
from fashionlab.deploy import graph
from fashionlab.deploy.formats import BASE, FORMATS
from fashionlab.deploy.session import Session
from fashionlab.runs.folder import ModelSpec

NAMES = FORMATS.names()
CLASSES = tuple("abcdefghij")
Ask = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module", params=["fast", "three-mlp"])
def network(request: pytest.FixtureRequest) -> graph.Exported:
    """A network with colour and several views, and one without convolutions; with pictures to observe."""
    name, views, channels, arguments = {
        "fast": ("fast", 6, 3, {"widths": [8, 16], "depth": 3}), "three-mlp": ("three-mlp", 1, 1, {}),
    }[request.param]
    torch.manual_seed(0)
    spec = ModelSpec(name, arguments, CLASSES, channels, 28, (0.3,) * channels, (0.35,) * channels, views)
    built = models.build(name, classes=10, channels=channels, image_size=28, **arguments)
    images = np.random.default_rng(1).integers(0, 256, (70, channels, 28, 28), dtype=np.uint8)
    pictures = PictureSet(images, np.arange(70) % 10, CLASSES, "noise")
    return graph.Exported(graph.Deployed(built, spec), pictures, Split(np.arange(64), np.arange(64, 70)))


def asked(name: str, network: graph.Exported) -> Ask:
    content = FORMATS[name].make(network)
    opened = FORMATS[name].open
    return opened(content) if opened else Session(content, 1).run


def test_there_are_formats_with_files_of_their_own() -> None:
    assert BASE in NAMES and len(NAMES) >= 3
    assert len({FORMATS[name].file for name in NAMES}) == len(NAMES)
    assert FORMATS[BASE].serves and not FORMATS[BASE].judge


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_as_pytorch_does_or_is_judged(name: str, network: graph.Exported) -> None:
    ask = asked(name, network)
    for n in (1, 2, 5):
        images = network.pictures.images[64 : 64 + n]
        for theirs, ours in zip(ask(images), graph.ask(network.deployed, images), strict=True):
            assert theirs.dtype == np.float32 and theirs.shape == ours.shape
            if FORMATS[name].judge:
                assert np.abs(theirs - ours).max() < np.ptp(ours), "of the same size at least"
            else:
                np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_any_number_of_pictures_where_the_graph_takes_three(name: str, network: graph.Exported) -> None:
    ask, fixed = asked(name, network), asked(name, replace(network, batch=3))
    for n in (1, 3, 7):
        images = network.pictures.images[:n]
        for theirs, ours in zip(fixed(images), ask(images), strict=True):
            assert theirs.shape == ours.shape
            # What rounds has observed other batches of pictures, and so has other scales.
            tolerance = 0.2 if FORMATS[name].judge else 1e-3
            np.testing.assert_allclose(theirs, ours, rtol=tolerance, atol=tolerance * float(np.ptp(ours)) + 1e-4)


@pytest.mark.parametrize("name", [name for name in NAMES if FORMATS[name].judge])
def test_a_judged_format_serves_only_where_it_is_good_and_fast(name: str) -> None:
    judge = FORMATS[name].judge
    assert judge

    def row(milliseconds: float) -> dict:
        return {"test_accuracy": 0.9, "latency_ms": {"1": {"median": milliseconds}},
                "images_per_second": 1000 / milliseconds}

    good = judge(row(1.0), row(0.5), {BASE: 0.9, name: 0.9})
    poor = judge(row(1.0), row(0.5), {BASE: 0.9, name: 0.5})
    slow = judge(row(1.0), row(2.0), {BASE: 0.9, name: 0.9})
    assert (good["served"], poor["served"], slow["served"]) == (True, False, False)
    assert name in good["why"] and name in poor["why"]


def test_formats_load_neither_torch_nor_onnx() -> None:
    code = ("import sys; from fashionlab.deploy.formats import FORMATS; FORMATS.names(); "
            "print(*{'torch', 'onnx', 'onnxruntime', 'scipy'} & set(sys.modules))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
