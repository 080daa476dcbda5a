"""The folder of a run: where everything is, who may write into it, and how it stands."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fashionlab.common.errors import DataError, FashionlabError, UsageError
from fashionlab.common.files import lock_file, locked, write_json
from fashionlab.common.records import Preparation
from fashionlab.preparation import Preparations
from fashionlab.runs.metrics import HistoryRow, Metrics


@dataclass(frozen=True)
class ModelSpec:
    """What it takes to build a trained model again and feed it: architecture, class names in label order, input form.

    image_size in pixels; mean and std per channel on the 0-1 scale; views averaged when a picture is judged.
    preparation: how pictures come into that form; None for runs of before there was a choice.
    """

    name: str
    arguments: dict[str, Any]
    classes: tuple[str, ...]
    channels: int
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    views: int
    preparation: Preparation | None = None

    @property
    def preparations(self) -> Preparations:
        """How pictures of data sets are prepared, and those that it is asked about."""
        return Preparations.of_model(self.preparation, self.image_size, self.channels)

    def save(self, path: Path) -> None:
        write_json(path, asdict(self))

    @staticmethod
    def load(path: Path) -> ModelSpec:
        """Raises DataError when the file is missing or is something else."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            values.update({key: tuple(values[key]) for key in ("classes", "mean", "std")})
            if values.get("preparation") is not None:
                values["preparation"] = Preparation.of(values["preparation"])
            return ModelSpec(**values)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DataError(f"{path}: no readable model description; is this the folder of a run?") from error


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run (design: a run folder)."""

    path: Path

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def command(self) -> Path:
        return self.path / "command.txt"

    @property
    def environment(self) -> Path:
        return self.path / "environment.json"

    @property
    def model(self) -> Path:
        return self.path / "model.json"

    @property
    def split(self) -> Path:
        return self.path / "split.npz"

    @property
    def history(self) -> Path:
        return self.path / "metrics.csv"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.json"

    @property
    def readings(self) -> Path:
        """Who opened the test split, when and why (`runs.readings`)."""
        return self.path / "test_readings.jsonl"

    @property
    def status(self) -> Path:
        return self.path / "status.json"

    @property
    def report(self) -> Path:
        return self.path / "classification_report.txt"

    @property
    def calibration(self) -> Path:
        """What calibration learned from the validation pictures (`evaluation.calibration.load_calibrators`)."""
        return self.path / "calibration.json"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def last(self) -> Path:
        return self.path / "checkpoints" / "last.pt"

    @property
    def ensemble(self) -> Path:
        """Which runs this one was put together from; a run that was trained has no such file."""
        return self.path / "ensemble.json"

    def weights(self, kind: str) -> Path:
        """`kind` is "best", "averaged", "snapshot-N" or "ensemble"."""
        return self.path / "checkpoints" / f"{kind}.safetensors"

    def final_weights(self, kind: str) -> Path:
        """What the run ended with, of `kind` "best", "averaged" or "last" (`Recipe.weights`)."""
        if self.ensemble.is_file():
            return self.weights("ensemble")
        return self.last if kind == "last" else self.weights(kind)

    def snapshots(self) -> list[Path]:
        """The weights kept at the end of every cycle (`Recipe.snapshots`), oldest first."""
        paths = self.weights("snapshot").parent.glob("snapshot-*.safetensors")
        return sorted(paths, key=lambda path: int(path.stem.removeprefix("snapshot-")))

    def predictions(self, split: str) -> Path:
        return self.path / "predictions" / f"{split}.npz"

    def set_status(self, state: str, **details: Any) -> None:
        """`state`: running, interrupted, diverged, failed, trained, complete."""
        write_json(self.status, {"state": state, "updated": datetime.now(UTC).isoformat(timespec="seconds"), **details})

    def read_json(self, path: Path) -> dict[str, Any]:
        """Raises DataError when `path` is missing or no JSON object."""
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: not readable ({error})") from error
        if not isinstance(value, dict):
            raise DataError(f"{path}: expected a JSON object")
        return value

    def read_metrics(self) -> Metrics:
        """What metrics.json holds. Raises DataError, naming the file, when it is missing or something else."""
        return Metrics.read(self.read_json(self.metrics), str(self.metrics))

    def update_metrics(self, parts: Metrics, *, anew: bool = False) -> Metrics:
        """Put what `parts` holds into metrics.json and leave the rest as it is.

        Reading, changing and writing are one: processes that update at the same time lose nothing of one another's.
        anew: the weights are others than before, so that all that was found out about them goes; `test_split_read`
        stays. Returns what the file then holds. Raises DataError when it holds something else, and FashionlabError when
        it cannot be written.
        """
        with locked(self.metrics):
            before = self.read_json(self.metrics) if self.metrics.exists() else {}
            if anew:
                before = {key: value for key, value in before.items() if key == "test_split_read"}
            values = {**before, **parts.as_json()}
            updated = Metrics.read(values, str(self.metrics))
            write_json(self.metrics, values)
        return updated

    def read_history(self) -> list[HistoryRow]:
        """The rows of metrics.csv, one an epoch; an empty cell is None. Empty before the first epoch has ended.

        Raises DataError when the file is something else.
        """
        if not self.history.is_file():
            return []
        try:
            with self.history.open(newline="", encoding="utf-8") as stream:
                return [{key: float(cell) if cell else None for key, cell in row.items()}
                        for row in csv.DictReader(stream)]
        except (OSError, ValueError, TypeError, csv.Error) as error:
            raise DataError(f"{self.history}: no readable history ({error})") from error


def open_run(path: Path) -> RunFolder:
    """An existing run. Raises DataError when the folder is not one."""
    run = RunFolder(path)
    if not path.is_dir():
        raise DataError(f"{path}: there is no such run folder")
    if not run.recipe.is_file() or not run.model.is_file():
        raise DataError(f"{path}: not the folder of a run (no recipe.yaml and model.json in it)")
    return run


def hold(path: Path) -> FileLock:
    """Take the run called `path` for this process alone, until `.release()` or the process ends.

    The lock lies in the system's folder for temporary files: it is needed before the run's folder exists, and it must
    not be left behind among the runs. Raises UsageError when another process holds it.
    """
    lock = FileLock(lock_file(path))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(f"{path} is being trained by another process; choose another --name") from None
    except OSError as error:
        raise FashionlabError(f"cannot write {lock.lock_file}: {error.strerror or error}") from error
    return lock


def create_run(path: Path, overwrite: bool) -> RunFolder:
    """A new, empty run folder. Raises UsageError when the name is in use and `overwrite` is false."""
    try:
        if path.exists():
            if not overwrite:
                raise UsageError(f"{path} exists already; choose another --name, continue it with --resume {path}, "
                                 "or replace it with --overwrite")
            if not (path / "status.json").is_file() and any(path.iterdir()):
                raise UsageError(f"{path} is not the folder of a run, so --overwrite leaves it alone")
            shutil.rmtree(path)
        path.mkdir(parents=True)
    except OSError as error:
        raise FashionlabError(f"cannot write {path}: {error.strerror or error}") from error
    return RunFolder(path)
