"""The folder of a study: what was declared, how it is run, and the folders of its runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fashionlab.common import runtime
from fashionlab.common.errors import UsageError
from fashionlab.common.files import write_json, write_text
from fashionlab.recipes import Recipe, to_yaml, validate
from fashionlab.recipes.library import read_yaml
from fashionlab.runs.folder import RunFolder, hold
from fashionlab.runs.pictures import load_recipe
from fashionlab.studies.schema import Declaration, Study, run_name

FINISHED = ("complete", "diverged", "failed")


@dataclass(frozen=True)
class StudyFolder:
    """Paths of a study. Every run lies in a run folder of its own, <arm>-s<seed>."""

    path: Path

    @property
    def declaration(self) -> Path:
        """The declaring YAML file, word for word."""
        return self.path / "study.yaml"

    @property
    def settings(self) -> Path:
        """How it is run: seeds, threads of a run, runs side by side."""
        return self.path / "study.json"

    @property
    def results(self) -> Path:
        return self.path / "results.json"

    @property
    def table(self) -> Path:
        return self.path / "results.csv"

    @property
    def page(self) -> Path:
        return self.path / "study.html"

    def recipe(self, arm: str) -> Path:
        """The arm's recipe, resolved when the study was begun."""
        return self.path / "recipes" / f"{arm}.yaml"

    def run(self, arm: str, seed: int) -> RunFolder:
        return RunFolder(self.path / run_name(arm, seed))

    def log(self, arm: str, seed: int) -> Path:
        """What the run's process printed."""
        return self.path / "logs" / f"{run_name(arm, seed)}.log"

    def state(self, arm: str, seed: int) -> str:
        """A state of `RunFolder.set_status`, or "missing" for a run that was never begun."""
        run = self.run(arm, seed)
        return run.read_json(run.status).get("state", "missing") if run.status.is_file() else "missing"

    def read_json(self, path: Path) -> dict[str, Any]:
        """Raises DataError when `path` is missing or no JSON object."""
        return RunFolder(self.path).read_json(path)


def begin(study: Study, folder: StudyFolder, jobs: int) -> int:
    """Write the declaration down, or hold the study against the one that was begun. Returns the threads of a run.

    Raises UsageError when the declaration, a recipe or a run is not what the folder's study was begun with, when seeds
    would be dropped, or when `jobs` need more cores than there are.
    """
    cores = runtime.usable_cores()
    if not folder.settings.is_file():
        if folder.path.exists() and any(folder.path.iterdir()) and not folder.declaration.is_file():
            raise UsageError(f"{folder.path} exists already and is not the folder of a study; use another --runs")
        _refuse_crowd(jobs, 1, cores)
        threads = cores // jobs
        write_text(folder.declaration, study.text)
        for arm, recipe in study.recipes.items():
            write_text(folder.recipe(arm), to_yaml(recipe))
        settings = {"threads": threads, "jobs": jobs}  # the number of threads changes the last bits of results
    else:
        settings = folder.read_json(folder.settings)
        threads = settings["threads"]
        _refuse_change(study, folder)
        _refuse_fewer_seeds(study, settings)
        _refuse_crowd(jobs, threads, cores)
        settings["jobs"] = max(jobs, settings["jobs"])
    _refuse_foreign_runs(study, folder)
    write_json(folder.settings, {**settings, "seeds": study.seeds})
    return threads


def _refuse_crowd(jobs: int, threads: int, cores: int) -> None:
    most = max(1, cores // threads)
    if jobs > most:
        begun = f", and this study was begun with {threads} threads a run" if threads > 1 else ""
        raise UsageError(f"--jobs {jobs}: there are {cores} cores{begun}; use --jobs {most}")


def _refuse_change(study: Study, folder: StudyFolder) -> None:
    advice = (f"since {folder.path} was begun; a study is declared before it is run: undo the change, or begin a new "
              "study under another file name")
    declared = Declaration.model_validate(read_yaml(folder.declaration)).model_dump()
    now = study.declared.model_dump()
    changed = [key for key in declared if declared[key] != now[key]]
    if changed:
        raise UsageError(f"{study.name}: {', '.join(changed)} changed {advice}")
    for arm, recipe in study.recipes.items():
        if validate(read_yaml(folder.recipe(arm)), str(folder.recipe(arm))) != recipe:
            raise UsageError(f"{study.name}: the recipe of {arm} changed {advice}")


def _refuse_fewer_seeds(study: Study, settings: dict[str, Any]) -> None:
    dropped = set(settings["seeds"]) - set(study.seeds)
    if dropped:
        begun = len(settings["seeds"])
        raise UsageError(f"--seeds {len(study.seeds)}: this study was begun with {begun} seeds, and no run is ever "
                         f"dropped; use --seeds {begun} or more")


def _refuse_foreign_runs(study: Study, folder: StudyFolder) -> None:
    for arm, seed in study.runs:
        run = folder.run(arm, seed)
        if run.recipe.is_file() and not load_recipe(run).trains_like(with_seed(study.recipes[arm], seed)):
            raise UsageError(f"{run.path}: this run was not trained with the recipe of {arm}; move it away")


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    return recipe.model_copy(update={"seed": seed})


@contextlib.contextmanager
def held(folder: StudyFolder) -> Iterator[None]:
    """Nobody else runs this study during the block. Raises UsageError when somebody does."""
    try:
        lock = hold(folder.path)
    except UsageError:
        raise UsageError(f"{folder.path}: this study is being run by another process; wait for it, or use another "
                         "--runs") from None
    try:
        yield
    finally:
        lock.release()
