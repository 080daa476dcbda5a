"""Which runs may stand side by side: the same data, the same split, the same test pictures; all else is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fashionlab.common.errors import DataError, UsageError
from fashionlab.runs.results import RunResults, load_results


def load_comparable(paths: Sequence[Path]) -> list[RunResults]:
    """The runs in `paths`, in that order, every one finished and judged on the same test pictures.

    Raises what `load_alike` raises, and DataError for a run that was never evaluated on the test split or on other
    test pictures than the first.
    """
    runs = load_alike(paths, "compare", "compared")
    for run in runs:
        _ = run.test  # says what is missing
    _refuse_others(runs, _same_test_pictures, "compared")
    return runs


def load_alike(paths: Sequence[Path], command: str, done: str) -> list[RunResults]:
    """The runs in `paths`, in that order, every one finished, of the same classes and trained on the same split of the
    same data. command, done: what wants them and what it would have done, for the messages.

    Raises UsageError for fewer than two runs or one named twice; DataError for a folder that is no run, a run that has
    not finished, and for runs of different classes, data or split. The message names the runs and what differs.
    """
    if len(paths) < 2:
        raise UsageError(f"{command} needs at least two runs, e.g. `fashionlab {command} runs/a runs/b`")
    seen: dict[Path, Path] = {}
    for path in paths:
        if path.resolve() in seen:
            raise UsageError(f"{path} is the same run as {seen[path.resolve()]}; name each run once")
        seen[path.resolve()] = path
    runs = [load_results(path) for path in paths]
    for run in runs:
        _ = run.metrics  # says what is missing
    for check in (_same_classes, _same_data, _same_split):
        _refuse_others(runs, check, done)
    return runs


def _refuse_others(runs: Sequence[RunResults], check: Callable[[RunResults, RunResults], str | None],
                   done: str) -> None:
    for other in runs[1:]:
        if reason := check(runs[0], other):
            raise DataError(f"{other.folder.path} cannot be {done} with {runs[0].folder.path}: {reason}")


def remarks(runs: Sequence[RunResults]) -> list[str]:
    """What a reader of the comparison must know: sentences on what differs between the runs besides the recipe."""
    notes = []
    if len(_by_value(runs, lambda run: run.data["train"])) > 1:
        counts = _listed(runs, lambda run: f"{run.data['train']:,}")
        notes.append(f"The runs were trained on different numbers of pictures ({counts}): differences between them "
                     "measure that too.")
    if len(_by_value(runs, _form)) > 1:
        notes.append(f"The networks see pictures in different forms ({_listed(runs, _form_in_words)}); that the data "
                     "is the same was judged by its name, the split and the test labels.")
    if len(_by_value(runs, _machine)) > 1:
        notes.append(f"The runs were trained on different machines or settings ({_listed(runs, _machine)}): their "
                     "training times do not compare.")
    if len(_by_value(runs, lambda run: str(run.environment.get("precision")))) > 1:
        notes.append(f"The number formats differ ({_listed(runs, lambda run: str(run.environment.get('precision')))}).")
    return notes


def _same_classes(first: RunResults, other: RunResults) -> str | None:
    if first.spec.classes == other.spec.classes:
        return None
    return (f"their classes differ ({_few(other.spec.classes)} against {_few(first.spec.classes)})")


def _same_data(first: RunResults, other: RunResults) -> str | None:
    """The hash is of the pictures as the network sees them: it says nothing where their size or channels differ."""
    mine, theirs = first.data, other.data
    if _form(first) == _form(other):
        if mine["sha256"] == theirs["sha256"]:
            return None
        return (f"trained on different data: {theirs['source']} (sha256 {theirs['sha256'][:12]}) against "
                f"{mine['source']} (sha256 {mine['sha256'][:12]})")
    names = first.recipe.data.dataset, other.recipe.data.dataset
    return None if names[0] == names[1] else f"trained on different data: {names[1]} against {names[0]}"


def _same_split(first: RunResults, other: RunResults) -> str | None:
    """The validation pictures must be the same; fewer training pictures beside them (data.limit) earn a remark."""
    mine, theirs = first.data, other.data
    if mine["split_sha256"] == theirs["split_sha256"]:
        return None
    values = {"data.validation": (theirs["validation"], mine["validation"]),
              "data.split_seed": (other.recipe.data.split_seed, first.recipe.data.split_seed)}
    differing = [f"{key} {one} against {two}" for key, (one, two) in values.items() if one != two]
    if not differing and mine["train"] != theirs["train"]:
        return None
    what = ", ".join(differing) or "the hashes in their environment.json differ"
    return f"trained on different splits: {what}; train one of them again with the other's (--set KEY=VALUE)"


def _same_test_pictures(first: RunResults, other: RunResults) -> str | None:
    mine, theirs = first.test, other.test
    if len(mine.labels) != len(theirs.labels):
        return f"judged on different test pictures: {len(theirs.labels):,} against {len(mine.labels):,}"
    if not len(mine.labels):
        return "their test split is empty"
    if not (np.array_equal(mine.indices, theirs.indices) and np.array_equal(mine.labels, theirs.labels)):
        return "judged on different test pictures: their indices or labels differ"
    return None


def _form(run: RunResults) -> tuple[int, int]:
    return run.spec.image_size, run.spec.channels


def _form_in_words(run: RunResults) -> str:
    size, channels = _form(run)
    return f"{size} x {size} {'grey' if channels == 1 else 'colour'}"


def _machine(run: RunResults) -> str:
    machine = run.environment.get("machine", {})
    processor = ", ".join(machine.get("gpus") or []) or machine.get("processor")
    device, threads = run.environment.get("device"), run.environment.get("threads")
    return f"{processor}, {device}, {threads} threads"


def _by_value(runs: Sequence[RunResults], value: Callable[[RunResults], Any]) -> dict[Any, list[str]]:
    names: dict[Any, list[str]] = {}
    for run in runs:
        names.setdefault(value(run), []).append(run.name)
    return names


def _listed(runs: Sequence[RunResults], value: Callable[[RunResults], Any]) -> str:
    """ "28 x 28 grey: a, b; 32 x 32 colour: c" """
    return "; ".join(f"{name}: {', '.join(names)}" for name, names in _by_value(runs, value).items())


def _few(names: Sequence[str]) -> str:
    return f"{len(names)}: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
