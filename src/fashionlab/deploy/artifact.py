"""The artifact: all that it takes to answer pictures, in one folder or zip. Numpy alone.

    artifact.json     what it is: classes, the form of its pictures, its graphs, temperature, thresholds
    model.onnx        the network, pictures uint8 [N, C, H, W] in, logits and features out
    model-*, model.*  where asked for: the same in other formats (`deploy.formats`)
    outliers.npz      what the outlier score learned
    reference.npz     what drift is measured against
    check.json        how the graphs were checked and measured
    model_card.md     the run's card, and these measurements
    SHA256SUMS        sums of all these
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.records import Preparation
from fashionlab.deploy import archive, rules
from fashionlab.deploy.formats import FORMATS
from fashionlab.deploy.reference import Reference
from fashionlab.evaluation.outlier_scores import FORMULAS, mahalanobis

FORMAT = "fashionlab-artifact-1"
DESCRIPTION, CARD, CHECK, OUTLIERS, REFERENCE = (
    "artifact.json", "model_card.md", "check.json", "outliers.npz", "reference.npz")
BUNDLED = "bundled/default.zip"


@dataclass(frozen=True)
class Description:
    """artifact.json.

    name, recipe, model, parameters, fashionlab, commit, data_sha256: where it comes from. classes: labels in order.
    channels, image_size: pictures are uint8 [N, channels, image_size, image_size], 0 to 255, prepared as `preparation`
    says; None for artifacts of before there was a choice.
    mean, std: normalisation, done inside the graphs, as are the `views` that are averaged.
    graph: the format that answers. temperature: divides logits. coverage and limit: the promise of
    the prediction sets, and 1 - probability up to which a class belongs to one. score, threshold: of outliers, and
    accepted, the share of known pictures that pass. areas: the AUROC by which the score was chosen. training,
    validation: pictures that score and thresholds were learned from.
    """

    name: str
    recipe: str
    model: str
    parameters: int
    fashionlab: str
    commit: str | None
    data_sha256: str
    classes: tuple[str, ...]
    channels: int
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    views: int
    graph: str
    temperature: float
    coverage: float
    limit: float
    score: str
    threshold: float
    accepted: float
    areas: dict[str, float]
    training: int
    validation: int
    preparation: Preparation | None = None


@dataclass(frozen=True)
class Artifact:
    """An artifact in memory.

    graphs: the graphs' files by their formats' names. learned: what the rules' scores need, by name. check: what
    `check.checked` measured. source: what messages call it.
    """

    description: Description
    graphs: dict[str, bytes]
    learned: dict[str, np.ndarray]
    reference: Reference
    check: dict[str, Any]
    card: str
    source: str = "artifact"

    def save(self, target: Path) -> None:
        """Write it to `target`: a zip where the name ends in .zip, else a folder. What is there is replaced."""
        archive.write(target, {
            DESCRIPTION: _json({"format": FORMAT, **asdict(self.description)}),
            **{FORMATS[name].file: graph for name, graph in self.graphs.items()},
            OUTLIERS: archive.pack_arrays(self.learned),
            REFERENCE: archive.pack_arrays({**self.reference.values, "classes": self.reference.classes}),
            CHECK: _json(self.check),
            CARD: self.card.encode(),
        })

    @cached_property
    def rules(self) -> rules.Rules:
        """How logits and features become answers."""
        description, score = self.description, FORMULAS[self.description.score]
        return rules.Rules(description.temperature, description.limit,
                           lambda logits, features: score(logits, features, self.learned), description.threshold)

    @property
    def accuracy(self) -> float | None:
        """Of the graph that answers, on the test split, as `deploy.check` keeps it; foreign artifacts may not."""
        try:
            return float(self.check["rows"][self.description.graph]["test_accuracy"])
        except (KeyError, TypeError, ValueError):
            return None

    def distance(self, features: np.ndarray) -> np.ndarray:
        """float64 [N]: how far features [N, D] are from the nearest class, whatever score tells outliers."""
        return mahalanobis(features, features, self.learned)


def locate(model: str | Path) -> Path:
    """Where `model` lies: its own path, or that of the bundled artifact for "default". Raises DataError where an
    installation has none."""
    if str(model) != "default":
        return Path(model)
    path = Path(str(files("fashionlab.deploy") / BUNDLED))
    if not path.is_file():
        raise DataError(f"this installation bundles no model (no {path}); give the folder of a run, or of an artifact "
                        "made with `fashionlab export RUN`")
    return path


def load(source: Path) -> Artifact:
    """Read an artifact, after all its sums were found right.

    Raises DataError when it is missing, truncated, changed or something else.
    """
    files = archive.read(source)
    try:
        values = json.loads(files[DESCRIPTION])
        if values.pop("format") != FORMAT:
            raise DataError(f"{source}: not an artifact that this version of fashionlab reads (expected {FORMAT})")
        description = _description(values)
        graphs = {name: files[FORMATS[name].file] for name in FORMATS if FORMATS[name].file in files}
        reference = archive.unpack_arrays(files[REFERENCE], f"{source}, {REFERENCE}")
        classes = reference.pop("classes")
        artifact = Artifact(description, graphs, archive.unpack_arrays(files[OUTLIERS], f"{source}, {OUTLIERS}"),
                            Reference(reference, classes), json.loads(files[CHECK]), files[CARD].decode(), str(source))
        _check(artifact)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{source}: not an artifact that this version of fashionlab reads "
                        f"({type(error).__name__}: {error})") from error
    return artifact


def _description(values: dict[str, Any]) -> Description:
    frozen: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    if frozen.get("preparation") is not None:
        frozen["preparation"] = Preparation.of(frozen["preparation"])
    return Description(**frozen)


def _check(artifact: Artifact) -> None:
    """Raise ValueError or KeyError where parts do not fit together: later it would be a wrong answer."""
    description, learned = artifact.description, artifact.learned
    numbers = [getattr(description, field.name) for field in fields(description) if field.type in ("int", "float")]
    finite = all(isinstance(value, int | float) and math.isfinite(value) for value in numbers)
    if not finite or description.temperature <= 0:
        raise ValueError(f"{DESCRIPTION} holds a figure that is none")
    graph = description.graph
    if description.score not in FORMULAS or graph not in artifact.graphs or not FORMATS[graph].serves:
        raise ValueError(f"{DESCRIPTION} names a score or a graph that is not there")
    depth = learned["root"].shape[0]
    if learned["root"].shape != (depth, depth) or learned["centres"].shape[1:] != (depth,):
        raise ValueError(f"{OUTLIERS} holds arrays that do not fit together")
    reference = artifact.reference
    if len(reference.classes) != len(description.classes) or not all(map(len, reference.values.values())):
        raise ValueError(f"{REFERENCE} is of other classes or empty")


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()
