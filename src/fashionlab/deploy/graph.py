"""From a network to a graph that needs no Python: a program of torch, and ONNX."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from fashionlab.common.errors import FashionlabError
from fashionlab.common.records import PictureSet, Split
from fashionlab.runs.features import watching_last_layer
from fashionlab.runs.folder import ModelSpec
from fashionlab.runs.predict import statistics, views

OPSET = 20  # the first that has GELU; ONNX Runtime reads it from 1.17 on


class Deployed(nn.Module):
    """A network as it answers: pictures uint8 [N, C, H, W] in, logits [N, K] and features [N, D] out.

    Normalisation and the run's test-time views are inside, so that logits are those of `fashionlab evaluate`. All views
    go through the network as one batch. Features are of the picture as it is, as `evaluation.features` defines them.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, spec: ModelSpec) -> None:
        super().__init__()
        self.network, self.spec = network, spec
        mean, std = statistics(spec, next(network.parameters()).device)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.eval()

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        weighted = views((pictures.float() / 255 - self.mean) / self.std, self.spec.views)
        with watching_last_layer(self.network) as seen:
            logits = self.network(torch.cat([view for _, view in weighted]))
        shares = torch.tensor([weight for weight, _ in weighted]).view(-1, 1, 1)
        n, classes = pictures.shape[0], logits.shape[1]
        return (logits.view(len(weighted), n, classes) * shares).sum(0), seen[-1].flatten(1)[:n]


@dataclass(frozen=True)
class Exported:
    """A network on its way into files: what the formats of `deploy.formats` make theirs of.

    pictures, split: the run's, from which a format that rounds takes training pictures. batch: how many pictures an
    ONNX graph takes at a time, no more and no fewer; None for any number.
    """

    deployed: Deployed
    pictures: PictureSet
    split: Split
    batch: int | None = None

    @cached_property
    def program(self) -> torch.export.ExportedProgram:
        return to_program(self.deployed)

    @cached_property
    def onnx(self) -> bytes:
        return to_onnx(self.program if self.batch is None else to_program(self.deployed, self.batch))


def to_program(deployed: Deployed, batch: int | None = None) -> torch.export.ExportedProgram:
    """The network as a program for `batch` pictures, all its shapes fixed; None: for any number.

    Raises FashionlabError when it cannot be had.
    """
    spec = deployed.spec
    # Two: torch takes a 0 or a 1 for a constant.
    example = torch.zeros(batch or 2, spec.channels, spec.image_size, spec.image_size, dtype=torch.uint8)
    shapes = None if batch else ({0: torch.export.Dim("pictures")},)
    try:
        with torch.no_grad(), silent():
            return torch.export.export(deployed, (example,), dynamic_shapes=shapes)
    except Exception as error:  # whatever the network's code makes torch stumble over
        first = (str(error).splitlines() or [""])[0]
        raise FashionlabError(f"model {spec.name!r} cannot be exported: {type(error).__name__}: {first}") from error


def to_onnx(program: torch.export.ExportedProgram) -> bytes:
    """One ONNX file: input "pictures", outputs "logits" and "features", as many pictures as `program` takes."""
    with torch.no_grad(), silent():
        made = torch.onnx.export(program, (), dynamo=True, opset_version=OPSET, external_data=False, verbose=False,
                                 input_names=["pictures"], output_names=["logits", "features"])
    assert made is not None
    model = made.model_proto
    _forget_where(model)
    pool_last(model)
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def _forget_where(model: onnx.ModelProto) -> None:
    """Take out stack traces: paths of this machine, and a tenth of a small file."""
    del model.metadata_props[:]
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer,
                 *model.graph.input, *model.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""


def pool_last(model: onnx.ModelProto) -> None:
    """Exchange max-pooling with the batch norm that follows it, in place.

    A norm that does not turn the order of values around commutes with the maximum. Beside its convolution it is folded
    into the weights, and costs neither time nor, in int8, another rounding.
    """
    graph = model.graph
    values = {one.name: one for one in graph.initializer}
    for position, pool in enumerate(graph.node):
        users = [(at, node) for at, node in enumerate(graph.node) if pool.output[:1] == node.input[:1]]
        everywhere = sum(pool.output[0] in node.input for node in graph.node)
        if pool.op_type != "MaxPool" or everywhere != 1 or not users or users[0][1].op_type != "BatchNormalization":
            continue
        at, norm = users[0]
        scale = values.get(norm.input[1])
        if scale is None or len(norm.output) != 1 or (numpy_helper.to_array(scale) < 0).any():
            continue
        between, after = pool.output[0], norm.output[0]
        first, second = onnx.NodeProto(), onnx.NodeProto()
        first.CopyFrom(norm)
        second.CopyFrom(pool)
        first.input[0], first.output[0] = pool.input[0], f"{between}_normed"
        second.input[0], second.output[0] = first.output[0], after
        graph.node[position].CopyFrom(first)
        graph.node[at].CopyFrom(second)
    del graph.value_info[:]  # shapes of what lay between are others now
    model.CopyFrom(onnx.shape_inference.infer_shapes(model))


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Without torch's warnings about its own insides and its prints."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def ask(network: nn.Module, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits and features of pictures uint8 [N, C, H, W] from a `Deployed` network or a loaded program, all at once."""
    with torch.no_grad():
        logits, features = network(torch.from_numpy(np.ascontiguousarray(pictures)))
    return logits.numpy(), features.numpy()
