"""Graphs against the network in PyTorch and the evaluation's own answers."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from torch import nn

from fashionlab import models
from fashionlab.common import runtime
from fashionlab.common.errors import DataError, FashionlabError
from fashionlab.common.records import PictureSet
from fashionlab.data import ResidentPictures
from fashionlab.deploy import graph
from fashionlab.deploy.session import Session
from fashionlab.runs.features import features
from fashionlab.runs.folder import ModelSpec
from fashionlab.runs.predict import predict_logits

CLASSES = tuple("abcdefghij")


def deployed(name: str, views: int = 1, channels: int = 1, **arguments) -> graph.Deployed:
    torch.manual_seed(0)
    spec = ModelSpec(name, arguments, CLASSES, channels, 28, (0.3,) * channels, (0.35,) * channels, views)
    network = models.build(name, classes=10, channels=channels, image_size=28, **arguments)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-1, 1)
            layer.running_var.uniform_(0.5, 2)
    return graph.Deployed(network.to(memory_format=torch.channels_last), spec)


def pictures(n: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (n, channels, 28, 28), dtype=np.uint8)


@pytest.mark.parametrize("views", [1, 2, 6])
def test_a_deployed_network_answers_as_evaluate_does(views: int) -> None:
    one, cpu = deployed("three-cnn", views), runtime.choose("cpu", "float32")
    images = pictures(7)
    resident = ResidentPictures.from_set(
        PictureSet(images, np.zeros(7, np.int64), CLASSES, "noise"), np.arange(7), "cpu")
    logits, seen = graph.ask(one, images)
    np.testing.assert_allclose(logits, predict_logits(one.network, resident, one.spec, cpu)[0], atol=1e-5)
    np.testing.assert_allclose(seen, features(one.network, resident, one.spec, cpu), atol=1e-5)


def test_a_second_reader_of_onnx_answers_as_pytorch_does() -> None:
    """One that has none of the runtime's optimisations."""
    one, images = deployed("fast", 6, 3, widths=[8, 16], depth=3), pictures(5, 3)
    content = graph.to_onnx(graph.to_program(one))
    outputs = ReferenceEvaluator(onnx.load_from_string(content)).run(None, {"pictures": images})
    for theirs, ours in zip(outputs, graph.ask(one, images), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-3, atol=1e-3)


@pytest.fixture(scope="module")
def small() -> bytes:
    return graph.to_onnx(graph.to_program(deployed("three-linear", hidden_units=4)))


def test_a_graph_is_one_file_that_says_nothing_of_this_machine(small: bytes) -> None:
    assert b"/work" not in small and b".py" not in small
    model = onnx.load_from_string(small)
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert not any(one.external_data for one in model.graph.initializer)


@pytest.mark.parametrize(("sign", "order"), [(1.0, ["Conv", "BatchNormalization", "MaxPool", "Relu"]),
                                             (-1.0, ["Conv", "MaxPool", "BatchNormalization", "Relu"])])
def test_pooling_changes_places_with_a_norm_that_keeps_the_order(sign: float, order: list[str]) -> None:
    draw, make = np.random.default_rng(0), onnx.helper.make_node
    weights = {"weight": draw.normal(size=(4, 1, 3, 3)), "scale": sign * draw.uniform(0.5, 2, 4),
               "bias": draw.normal(size=4), "mean": draw.normal(size=4), "variance": draw.uniform(0.5, 2, 4)}
    nodes = [make("Conv", ["x", "weight"], ["a"]), make("MaxPool", ["a"], ["b"], kernel_shape=[2, 2], strides=[2, 2]),
             make("BatchNormalization", ["b", "scale", "bias", "mean", "variance"], ["c"]), make("Relu", ["c"], ["y"])]
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
            for name, shape in (("x", ["n", 1, 8, 8]), ("y", ["n", 4, 3, 3])))
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [x], [y], [
        onnx.numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]),
        opset_imports=[onnx.helper.make_opsetid("", graph.OPSET)])
    images = {"x": draw.normal(size=(3, 1, 8, 8)).astype(np.float32)}
    before = ReferenceEvaluator(model).run(None, images)[0]
    graph.pool_last(model)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == order
    np.testing.assert_array_equal(ReferenceEvaluator(model).run(None, images)[0], before)


class Branching(nn.Module):
    """What an export cannot follow: its path depends on the pictures' values."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(784, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(images.flatten(1)) * (2.0 if float(images.sum()) > 0 else 1.0)


def test_a_network_that_cannot_be_exported_is_named() -> None:
    with pytest.raises(FashionlabError, match="'branching' cannot be exported"):
        graph.to_program(graph.Deployed(Branching(), ModelSpec("branching", {}, CLASSES, 1, 28, (0.3,), (0.35,), 1)))


def test_a_session_answers_in_chunks_and_none_for_none(small: bytes) -> None:
    session = Session(small, 1)
    images = pictures(150)
    np.testing.assert_allclose(session.ask(images)[0], session.run(images)[0], atol=1e-5)
    logits, seen = session.ask(images[:0])
    assert logits.shape == (0, 10) and seen.shape == (0, 4)


def test_a_session_of_a_fixed_graph_answers_any_number() -> None:
    one = deployed("three-linear", hidden_units=4)
    fixed, free = (Session(graph.to_onnx(graph.to_program(one, batch)), 1) for batch in (4, None))
    assert (fixed.batch, free.batch) == (4, None)
    for n in (0, 1, 4, 70):
        for theirs, ours in zip(fixed.ask(pictures(n)), free.ask(pictures(n)), strict=True):
            np.testing.assert_allclose(theirs, ours, atol=1e-5)


def test_what_is_no_graph_of_ours_is_refused() -> None:
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    foreign = onnx.helper.make_model(onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])], "g", [value],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])]),
        opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9).SerializeToString()
    for content, words in ((b"", "cannot read"), (b"nonsense", "cannot read"), (foreign, "not a graph of fashionlab")):
        with pytest.raises(DataError, match=words):
            Session(content, 1, "somewhere")
