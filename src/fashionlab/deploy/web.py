"""From an artifact to a folder that any server of files can offer: a page that answers pictures in the browser.

    index.html, *.css, *.js, icon.svg          the page; what the service's page has too is the service's file
    model.json, model.onnx, outliers.bin       the model: what artifact.json says, its graph, and its outlier score
    onnxruntime.js, onnxruntime.wasm.gz        what runs the graph
    README.md, LICENSE-onnxruntime.txt, SHA256SUMS
"""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fashionlab.common.errors import UsageError
from fashionlab.deploy import archive
from fashionlab.deploy.artifact_classifier import ArtifactClassifier
from fashionlab.deploy.browser_runtime import runtime_files
from fashionlab.deploy.formats import BASE
from fashionlab.preparation.wording import of_photos

FORMAT = "fashionlab-web-1"
_OF_THE_SERVICE = ("style.css", "page.css", "show.js", "give.js", "icon.svg")
# Of fashionlab.preparation.ways, those that ways.js knows; of evaluation.outlier_scores, those of model.js.
WAYS_IN_BROWSERS = ("letterbox", "crop", "squash", "fashion-mnist", "garment")
SCORES_IN_BROWSERS = ("max-softmax", "energy", "mahalanobis")
_FEW = 1024  # numbers: smaller tensors are not worth a Cast


def write_page(classifier: ArtifactClassifier, target: Path, package: Path | None = None) -> None:
    """Write the folder, or a zip of it where the name ends in .zip.

    package: as in `browser_runtime.runtime_files`. Answers are those of the artifact but for rounding: a float32 graph
    keeps its weights in float16. Raises UsageError for an artifact that browsers cannot answer with and DataError
    where the runtime is not to be had; nothing is written then.
    """
    _check(classifier)
    artifact = classifier.artifact
    graph = artifact.graphs[artifact.description.graph]
    content = {
        **_page(), **runtime_files(package),
        "model.json": (json.dumps(_about(classifier), indent=2, allow_nan=False) + "\n").encode(),
        "model.onnx": halved(graph) if artifact.description.graph == BASE else graph,
    }
    if artifact.description.score == "mahalanobis":
        arrays = (artifact.learned["root"], artifact.learned["centres"])
        content["outliers.bin"] = b"".join(np.ascontiguousarray(one, dtype="<f4").tobytes() for one in arrays)
    archive.write(target, content)


def _check(classifier: ArtifactClassifier) -> None:
    description, source = classifier.artifact.description, classifier.artifact.source
    for name, known, what in ((classifier.preparations.asked.way, WAYS_IN_BROWSERS, "way of preparing pictures"),
                              (description.score, SCORES_IN_BROWSERS, "outlier score")):
        if name not in known:
            raise UsageError(f"{source}: its {what}, {name!r}, is none that the page in the browser has "
                             f"({', '.join(known)})")
    if classifier.session.batch not in (None, 1):
        raise UsageError(f"{source}: its graph takes {classifier.session.batch} pictures at a time, the page gives it "
                         "one; export it with --batch 1, or without --batch")


def _about(classifier: ArtifactClassifier) -> dict[str, Any]:
    description, preparation = classifier.artifact.description, classifier.preparations.asked
    named = ("name", "classes", "parameters", "temperature", "coverage", "limit", "score", "threshold", "graph")
    return {"format": FORMAT, **{name: getattr(description, name) for name in named},
            "preparation": asdict(preparation), "photos": of_photos(preparation),
            "accuracy": classifier.artifact.accuracy}


def _page() -> dict[str, bytes]:
    """The files that are the same for all models."""
    package = files("fashionlab")
    own = {file.name: file.read_bytes() for file in (package / "deploy" / "formats" / "web").iterdir()}
    return own | {name: (package / "serve" / "static" / name).read_bytes() for name in _OF_THE_SERVICE}


def halved(graph: bytes) -> bytes:
    """The graph with its large float32 weights kept in float16, half of the bytes, and computing in float32 as before.

    A weight changes by at most a two-thousandth of itself, one below 0.00006 by at most 0.00000003. Tensors with
    weights that are too large for float16 stay as they are.
    """
    model = onnx.load_from_string(graph)
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < _FEW or np.abs(values).max() > np.finfo("f2").max:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_halved"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], name=f"{name}_cast", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)
