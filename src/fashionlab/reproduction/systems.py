"""The reference systems and what was measured of each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import fashionlab
from fashionlab import recipes
from fashionlab.common.environment import machine, versions
from fashionlab.common.errors import DataError, unknown
from fashionlab.common.files import write_json
from fashionlab.recipes import Recipe
from fashionlab.recipes.schema import Expected
from fashionlab.runs.folder import RunFolder
from fashionlab.runs.results import load_results


@dataclass(frozen=True)
class System:
    """A reference system: its recipe's name is its id."""

    id: str
    recipe: Recipe
    expected: Expected

    @property
    def metric(self) -> str:
        """What its claim is about; a text that names no split is held to the test split."""
        return "val_accuracy" if self.expected.split == "val" else "test_accuracy"


@dataclass(frozen=True)
class Seed:
    """What one run measured: shares as fractions, loss on the test split, seconds of training without evaluation."""

    seed: int
    test_accuracy: float
    val_accuracy: float | None
    macro_f1: float
    loss: float
    train_seconds: float
    epochs: int
    images_per_second: float
    device: str
    threads: int
    precision: str
    commit: str | None


@dataclass(frozen=True)
class Measurement:
    """The runs of one system on one machine. changes: KEY=VALUE of the recipe that were set, for a shortened row."""

    system: str
    changes: tuple[str, ...]
    machine: dict[str, Any]
    versions: dict[str, str]
    command: str
    seeds: tuple[Seed, ...]

    def values(self, metric: str) -> dict[int, float]:
        """The metric by seed."""
        return {one.seed: getattr(one, metric) for one in self.seeds}


@cache
def systems() -> tuple[System, ...]:
    """All of them, in the order of their sources."""
    built_in = [(name, recipes.load(name)) for name in recipes.names()]
    claiming = [System(name, recipe, recipe.expected) for name, recipe in built_in if recipe.expected is not None]
    return tuple(sorted(claiming, key=lambda system: (system.expected.source, system.id)))


def find(name: str) -> System:
    """Raises UsageError, with the nearest valid name."""
    known = {system.id: system for system in systems()}
    if name not in known:
        raise unknown("reference system", name, known)
    return known[name]


def results_folder() -> Path:
    """Where measurements are kept: results/reproduce of the checkout that the package runs from, else of the working
    directory."""
    checkout = Path(fashionlab.__file__).parents[2]
    return (checkout if (checkout / "pyproject.toml").is_file() else Path()) / "results" / "reproduce"


def collect(system: System, changes: tuple[str, ...], runs: list[RunFolder], command: str) -> Measurement:
    """What finished runs of a system amount to. Raises DataError when one of them cannot be read."""
    return Measurement(system.id, changes, machine(), versions(), command, tuple(_seed(run) for run in runs))


def _seed(run: RunFolder) -> Seed:
    results = load_results(run.path)
    metrics, environment = results.metrics, results.environment
    test = metrics.test
    return Seed(metrics.seed, test.accuracy, metrics.val_accuracy, test.macro_f1, test.nll, metrics.train_seconds,
                metrics.epochs, metrics.images_per_second,
                environment["device"], environment["threads"], environment["precision"], environment["commit"])


def keep(measurement: Measurement, folder: Path) -> Path:
    """Write <system>.json into `folder`."""
    path = folder / f"{measurement.system}.json"
    write_json(path, asdict(measurement))
    return path


def measured(system: System, folder: Path) -> Measurement | None:
    """What is kept of a system; None when nothing is. Raises DataError for a file that is something else."""
    path = folder / f"{system.id}.json"
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        seeds = tuple(Seed(**one) for one in values.pop("seeds"))
        measurement = Measurement(**{**values, "changes": tuple(values["changes"])}, seeds=seeds)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path}: no measurement of a reference system ({error})") from error
    if measurement.system != system.id or not measurement.seeds:
        raise DataError(f"{path}: no measurement of {system.id}")
    return measurement
