"""What 8-bit integers cost a network, in which of its layers, and what keeping some of these in float32 brings.

    python benchmarks/quantize.py runs/NAME                 writes results/quantize.json

The graph of one view in float32, in int8 with one scale for all of a layer's weights, with one for each channel, and
with the layers kept that the validation pictures name. Layers are compared on validation pictures, each rounded alone;
the test split is measured when all is made, which the run records. Times are of one thread; they mean something only on
a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections import defaultdict
from dataclasses import asdict, replace
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from recipe import ROOT

from fashionlab.common.environment import commit, machine
from fashionlab.common.files import write_json
from fashionlab.common.records import PictureSet
from fashionlab.deploy import graph
from fashionlab.deploy.check import MOST_LOSS
from fashionlab.deploy.formats.int8 import calibration_pictures
from fashionlab.deploy.quantize import Quantizer
from fashionlab.deploy.sensitivity import LayerLoss, accuracy, layer_losses, layers_to_keep
from fashionlab.deploy.session import Session
from fashionlab.runs.held_out import open_test_split
from fashionlab.runs.model import load_model
from fashionlab.runs.pictures import training_pictures
from fashionlab.runs.results import load_results

FLOAT32, TENSOR, CHANNEL, KEPT = "float32", "int8, a scale a layer", "int8, a scale a channel", "int8, layers kept"
CALLS = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "quantize.json")
    words = parser.parse_args()
    write_json(words.out, {"command": shlex.join(["python", "benchmarks/quantize.py", *sys.argv[1:]]),
                           "commit": commit(), "machine": machine(), **measured(words.run)})


def measured(run: Path) -> dict[str, Any]:
    """rows: bytes, accuracies and milliseconds by form; layers: the loss of each; kinds: its mean by kind."""
    results = load_results(run)
    pictures, split = training_pictures(results.folder, None)
    network, spec = load_model(results.folder, torch.device("cpu"))
    float32 = graph.to_onnx(graph.to_program(graph.Deployed(network, replace(spec, views=1))))
    quantizer = Quantizer(float32, calibration_pictures(pictures, split))
    validation = pictures.subset(split.validation)
    losses = layer_losses(quantizer, validation.images[:64])
    kept = layers_to_keep(quantizer, validation, MOST_LOSS)
    forms = {FLOAT32: float32, TENSOR: quantizer.quantized(per_channel=False), CHANNEL: quantizer.quantized(),
             **({KEPT: quantizer.quantized(kept)} if kept else {})}
    test = open_test_split(results.folder, None, who="benchmarks/quantize.py",
                           why="measuring graphs, when all were made")
    return {"model": spec.name, "image_size": spec.image_size, "validation": len(validation), "test": len(test),
            "rows": _rows(forms, validation, test), "kept": kept, "layers": [asdict(one) for one in losses],
            "kinds": _by_kind(losses)}


def _rows(forms: dict[str, bytes], validation: PictureSet, test: PictureSet) -> dict[str, dict[str, Any]]:
    sessions = {name: Session(content, 1) for name, content in forms.items()}
    milliseconds: dict[str, list[float]] = defaultdict(list)
    for call in range(CALLS):  # in turns, so that what else the machine does hits all
        picture = np.array(validation.images[call % len(validation) :][:1])
        for name, session in sessions.items():
            session.run(picture)  # into the caches again
            start = perf_counter()
            session.run(picture)
            milliseconds[name].append(1e3 * (perf_counter() - start))
    return {name: {"bytes": len(content), "validation_accuracy": accuracy(content, validation),
                   "test_accuracy": accuracy(content, test), "milliseconds": median(milliseconds[name])}
            for name, content in forms.items()}


def _by_kind(losses: list[LayerLoss]) -> dict[str, dict[str, float]]:
    kinds: dict[str, list[float]] = defaultdict(list)
    for one in losses:
        kinds[one.kind].append(one.error)
    return {kind: {"layers": len(errors), "mean": mean(errors), "largest": max(errors)}
            for kind, errors in kinds.items()}


if __name__ == "__main__":
    main()
