"""Measure which way of preparing photographs keeps most of what tells the classes apart, and keep the figures.

    python benchmarks/ways.py PHOTOS [--side 160] [--out FILE]

PHOTOS: a data set with a validation part. Frozen features of EfficientNet-Lite0 (the extra `photos`) of
its training pictures, scikit-learn's logistic regression on them, accuracy on its validation part, once a way and
background; the test part is not opened. Writes results/ways.json; figures only compare ways, nothing is trained well.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from recipe import ROOT
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from fashionlab import models
from fashionlab.common import runtime
from fashionlab.common.environment import commit, machine, versions
from fashionlab.common.files import write_json
from fashionlab.common.records import PictureSet
from fashionlab.data import ResidentPictures, load_training
from fashionlab.data.seal import sealed_test_split
from fashionlab.data.splits import given_split
from fashionlab.runs.features import features
from fashionlab.runs.folder import ModelSpec

FORMS = (("letterbox", None), ("letterbox", "black"), ("letterbox", "white"), ("crop", None), ("squash", None),
         ("garment", None))
REGULARISATION = (0.001, 0.003, 0.01)  # scikit-learn's C


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos")
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "ways.json")
    words = parser.parse_args()
    rows = []
    for way, background in FORMS:
        with sealed_test_split():
            pictures = load_training(words.photos, way=way, background=background, image_size=words.side, channels=3,
                                     square=True)
        rows.append({"way": way, "background": background or "median of the borders", **measure(pictures)})
        print(rows[-1])
    write_json(words.out, {"command": f"python benchmarks/ways.py PHOTOS --side {words.side}", "commit": commit(),
                           "side": words.side, "regularisation": REGULARISATION, "rows": rows, "machine": machine(),
                           "versions": versions()})


def measure(pictures: PictureSet) -> dict[str, object]:
    """Validation accuracies, one for each of REGULARISATION, and how many pictures each part has."""
    split, chosen = given_split(pictures), runtime.choose("cpu", "float32")
    spec = ModelSpec("efficientnet-lite0", {}, pictures.classes, 3, pictures.images.shape[2], (0.5,) * 3, (0.5,) * 3, 1)
    network = backbone(spec).to(memory_format=chosen.memory_format)
    seen = features(network, ResidentPictures.from_set(pictures, np.arange(len(pictures)), "cpu"), spec, chosen).numpy()
    accuracies = []
    for strength in REGULARISATION:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000))
        model.fit(seen[split.train], pictures.labels[split.train])
        accuracies.append(float(model.score(seen[split.validation], pictures.labels[split.validation])))
    return {"validation_accuracy": accuracies, "training": len(split.train), "validation": len(split.validation)}


def backbone(spec: ModelSpec) -> nn.Module:
    with torch.random.fork_rng():
        return models.build(spec.name, classes=len(spec.classes), channels=3, image_size=spec.image_size,
                            weights="imagenet")


if __name__ == "__main__":
    main()
