"""What a folder of runs holds, read straight from the files: finished, running, killed and broken runs alike."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml

from fashionlab.common.errors import DataError, UsageError
from fashionlab.evaluation.metrics import COSTS, headlines
from fashionlab.runs.folder import HistoryRow, RunFolder

T = TypeVar("T")

MARKS = {"recipe.yaml", "status.json", "metrics.csv", "metrics.json"}
"""A folder with one of these files is shown as a run."""
DEPTH = 4
"""How far below the folder runs are looked for: study, arm and seed are three levels."""
SILENT_SECONDS = 600.0
"""A run that says "running" and wrote nothing for this long was killed: trainings write a checkpoint every 300 s."""
RECIPE_BYTES = 16_384

SCORES = (*headlines("val"), *headlines("test"), *COSTS, "best_epoch")


@dataclass(frozen=True)
class RunRow:
    """A line of the table. None is what is not known (yet). Accuracies are shares; times in seconds and UTC.

    name: the path below the runs folder. version: changes when a file of the run changes. state: one of
    `RunFolder.set_status`, "silent" (says that it runs, but shows no sign of life) or "broken"; `reason` says why.
    heard: when a file was last written, seconds since 1970.
    """

    name: str
    version: str
    state: str
    reason: str | None
    recipe: str
    model: str
    seed: int | None
    epoch: int
    epochs: int | None
    val_accuracy: float | None
    test_accuracy: float | None
    parameters: int | None
    train_seconds: float | None
    started: str | None
    heard: float
    longest_epoch: float
    report: bool


class RunsFolder:
    """The runs below `path`. Rows are kept until a file of their run changes, so that asking often is cheap.

    Raises DataError when there is no such folder, UsageError when it is itself a run.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise DataError(f"{path}: there is no such folder; give the folder that holds the runs, or make the first "
                            "run with `fashionlab train`")
        run = RunFolder(path)
        if run.recipe.is_file() and run.model.is_file():
            raise UsageError(f"{path} is one run; give the folder that holds it: {path.resolve().parent}")
        self.path = path.resolve()
        self.label = _text(str(self.path))
        self._rows: dict[str, RunRow] = {}

    def rows(self) -> list[RunRow]:
        """All runs, by name."""
        fresh = {name: self._row(name, folder) for name, folder in self._find()}
        self._rows = fresh
        return [_alive(row, self.path / name) for name, row in fresh.items()]

    def get(self, name: str) -> RunFolder | None:
        """The run with that name, which must be one of those in the folder: a name cannot lead out of the folder."""
        return next((RunFolder(folder) for known, folder in self._find() if known == name), None)

    def _find(self) -> Iterator[tuple[str, Path]]:
        for top, folders, files in os.walk(self.path):  # symbolic links are not followed
            folder = Path(top)
            parts = folder.relative_to(self.path).parts
            if parts and MARKS.intersection(files):
                yield _text("/".join(parts)), folder
                folders.clear()
            else:
                folders[:] = sorted(name for name in folders if not name.startswith(".")) if len(parts) < DEPTH else []

    def _row(self, name: str, folder: Path) -> RunRow:
        run = RunFolder(folder)
        times = [_mtime(file) for file in (run.status, run.recipe, run.history, run.metrics, run.last, _report(run))]
        version = "-".join(map(str, times))
        known = self._rows.get(name)
        if known is not None and known.version == version:
            return known
        return _read_row(run, name, version, heard=max(times) / 1e9)


def read_details(run: RunFolder) -> dict[str, Any]:
    """What a comparison shows of a run: `history` (rows of metrics.csv), `scores` (final ones), `data` (what it was
    trained on). What cannot be read is left empty: the run's row says why."""
    metrics = _attempt(lambda: run.read_json(run.metrics), {}, [])
    environment = _attempt(lambda: run.read_json(run.environment), {}, [])
    data, test = _mapping(environment.get("data")), _mapping(metrics.get("test"))
    return {
        "history": [{key: _number(value) for key, value in row.items()} for row in _attempt(run.read_history, [], [])],
        "scores": {**{key: _number(metrics.get(key)) for key in SCORES}, "test_n": _number(test.get("n")),
                   "weights": _text(metrics.get("weights"))},
        "data": {"train_n": _number(data.get("train")), "sha256": _text(data.get("sha256")),
                 "split_sha256": _text(data.get("split_sha256"))},
    }


def report_path(run: RunFolder, root: Path) -> Path | None:
    """The run's report, unless there is none or it is a link that leads out of `root`."""
    path = _report(run).resolve()
    return path if path.is_file() and path.is_relative_to(root) else None


def _report(run: RunFolder) -> Path:
    return run.path / "report.html"


def _read_row(run: RunFolder, name: str, version: str, heard: float) -> RunRow:
    problems: list[str] = []
    status = _attempt(lambda: run.read_json(run.status), {}, problems)
    state = _text(status.get("state"))
    # A training writes status.json first: for a moment there is no recipe yet.
    just_begun = state == "running" and not run.recipe.exists()
    recipe = {} if just_begun else _attempt(lambda: _read_recipe(run.recipe), {}, problems)
    history: list[HistoryRow] = _attempt(run.read_history, [], problems)
    metrics = _attempt(lambda: run.read_json(run.metrics), {}, problems) if run.metrics.exists() else {}
    if status and not state:
        problems.append("status.json: no state in it")
    if state == "complete" and not run.metrics.exists():
        problems.append("metrics.json is missing, though the run says that it is complete")
    seconds = [_number(row.get("seconds")) or 0.0 for row in history]
    validated = [value for row in history if (value := _number(row.get("val_accuracy"))) is not None]
    val_accuracy = _number(metrics.get("val_accuracy"))
    train_seconds = _number(metrics.get("train_seconds"))
    return RunRow(
        name=name, version=version, state="broken" if problems else state, heard=heard,
        reason=_shorten("; ".join(problems), run) or _advice(state, status, run.path),
        recipe=_text(recipe.get("description")).partition("\n")[0],
        model=_text(_mapping(recipe.get("model")).get("name")),
        seed=_integer(recipe.get("seed")), epoch=len(history), epochs=_integer(recipe.get("epochs")),
        val_accuracy=validated[-1] if val_accuracy is None and validated else val_accuracy,
        test_accuracy=_number(metrics.get("test_accuracy")), parameters=_integer(metrics.get("parameters")),
        train_seconds=sum(seconds) if train_seconds is None and history else train_seconds,
        started=_time(_mtime(run.command)), longest_epoch=max(seconds, default=0.0), report=_report(run).is_file(),
    )


def _alive(row: RunRow, folder: Path) -> RunRow:
    """A run that was killed with `kill -9` cannot say so."""
    silence = time.time() - row.heard
    if row.state != "running" or silence < max(SILENT_SECONDS, 3 * row.longest_epoch):
        return row
    return replace(row, state="silent", reason=f"no sign of life for {silence / 60:.0f} minutes; {_resume(folder)}")


def _advice(state: str, status: dict[str, Any], folder: Path) -> str | None:
    if state == "interrupted":
        return _resume(folder)
    if state == "trained":
        return _text(f"not evaluated yet; `fashionlab evaluate {folder}`")
    return _text(status.get("reason")) or None


def _resume(folder: Path) -> str:
    return _text(f"continue with `fashionlab train --resume {folder}`")


def _attempt(read: Callable[[], T], default: T, problems: list[str]) -> T:
    """One unreadable file must not hide the rest of the run, nor one broken run the other runs."""
    try:
        return read()
    except (DataError, OSError, RecursionError) as error:
        problems.append(str(error))
        return default


def _read_recipe(path: Path) -> dict[str, Any]:
    # The C loader is seven times faster, which hundreds of runs make felt, but runs out of stack where a foreign file
    # nests a hundred thousand deep.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if path.stat().st_size > RECIPE_BYTES:
            raise DataError(f"{path}: larger than any recipe")
        value = yaml.load(path.read_text(encoding="utf-8"), loader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DataError(f"{path}: not readable ({error})") from error
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected a recipe")
    return value


def _shorten(message: str, run: RunFolder) -> str:
    return _text(" ".join(message.replace(f"{run.path}{os.sep}", "").split()))[:300]


def _mtime(path: Path) -> int:
    """Nanoseconds; 0 for a file that is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _time(nanoseconds: int) -> str | None:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat(timespec="seconds") if nanoseconds else None


def _number(value: Any) -> float | None:
    """A finite number, else None: the files may hold anything, and NaN is no JSON."""
    try:
        usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return None
    return value if usable else None


def _integer(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _text(value: Any) -> str:
    """A string that can be sent as UTF-8, which file names and JSON escapes need not be."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
