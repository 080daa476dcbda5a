"""A recipe becomes a trained and evaluated run; several runs become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fashionlab import recipes
from fashionlab.api.run import Run, run_paths
from fashionlab.common.arguments import PathLike, as_optional_path, as_path, as_text, check_number
from fashionlab.common.errors import UsageError
from fashionlab.common.progress import note
from fashionlab.evaluation.run import conclude
from fashionlab.recipes import Fitted, Overrides, Recipe
from fashionlab.runs.folder import RunFolder, open_run
from fashionlab.runs.pictures import load_recipe
from fashionlab.training import session
from fashionlab.training.callbacks import Callback
from fashionlab.training.distributed import is_first_process
from fashionlab.training.progress import on_stderr


def train(recipe: PathLike | Recipe | None = None, *, seed: int | None = None, overrides: Overrides = (),
          runs: PathLike = "runs", name: str | None = None, device: str = "auto", resume: PathLike | None = None,
          data_dir: PathLike | None = None, dataset: PathLike | None = None, group: str | None = None,
          limit_train: int | None = None, max_time: float | None = None, overwrite: bool = False,
          skip_unreadable: bool = False, quiet: bool = False, callbacks: Sequence[Callback] = ()) -> Run:
    """Train a recipe and evaluate what came out: on its validation split, and once on the test split.

    recipe: a built-in one, a YAML file, or a Recipe; by default quick, or what fits the `dataset`. seed: of all that is
    random in training. overrides: {"optimizer.lr": 0.05, "epochs": 2}, or ["optimizer.lr=0.05"]. runs, name: the run
    becomes runs/name; by default the name is made of recipe, seed and time. device: auto, cpu, cuda or cuda:N. resume:
    the folder of a run to go on with, exactly where its checkpoint stands. data_dir: where the files of a named data
    set are. dataset: another data set, by name or path; numbers that do not fit it follow it, which is told. group:
    what belongs together and stays in one part, a column or a pattern of the file name. limit_train: train on so many
    pictures only. max_time: stop after so many minutes and evaluate. overwrite: replace a run of the same name.
    skip_unreadable: leave broken pictures of a folder out, named on stderr. quiet: no progress on stderr. callbacks:
    each is called after every epoch with its row of the history, and stops the training when it returns something true.

    Raises UsageError (recipe, name, options), DataError (pictures, checkpoint), DivergedError (the loss is not finite
    any more), and Interrupted after SIGINT or SIGTERM, when a resumable checkpoint was written. Of several processes
    that torchrun started, all but the first return a run that the first one is still evaluating.
    """
    if max_time is not None:
        check_number(max_time, "max_time")
        if not max_time > 0:
            raise UsageError(f"--max-time {max_time:g}: expected a number of minutes above 0")
    asked = _Asked(recipe, seed, overrides, dataset, group, limit_train)
    data_path = as_optional_path(data_dir, "data_dir")
    command = asked.command(runs=None if resume else runs, name=name, device=None if device == "auto" else device,
                            resume=resume, data_dir=data_dir, max_time=max_time, overwrite=overwrite,
                            skip_unreadable=skip_unreadable, quiet=quiet)
    options = session.Options(device, data_path, max_time, overwrite, quiet, skip_unreadable, command)
    progress = None if quiet else on_stderr()
    if resume is not None:
        if name is not None:
            raise UsageError("--name and --resume do not go together: a resumed run keeps its name")
        begun = as_path(resume, "resume")
        changed = asked.of_run(load_recipe(open_run(begun)), data_path) if asked.says_something else None
        folder = session.resume(begun, changed, options, callbacks, progress)
    else:
        fitted = asked.fitted(data_path)
        chosen = fitted.recipe
        if not quiet and is_first_process():
            for line in fitted.notes:
                note(f"chosen: {line}")
        stem = fitted.name or asked.stem
        target = as_path(runs, "runs") / as_text(name or default_name(f"{stem}-s{chosen.seed}"), "name")
        folder = session.start(chosen, target, options, callbacks, progress)
    return _evaluated(folder, data_path, device)


def ensemble(members: Sequence[PathLike | Run], *, weights: bool = False, snapshots: bool = False,
             runs: PathLike = "runs", name: str | None = None, data_dir: PathLike | None = None, device: str = "auto",
             overwrite: bool = False) -> Run:
    """One run made out of several finished ones, evaluated like any run.

    Its network answers with the mean of the members' probabilities or, with `weights`, has the mean of their weights,
    which needs trainings that began alike. snapshots: take the snapshots of a single run as members. The rest is as for
    `train`. Raises UsageError and DataError for runs that cannot answer together.
    """
    from fashionlab.training.ensemble import average, combine, members_of, snapshots_of

    paths = run_paths(members, "members")
    if snapshots and len(paths) != 1:
        raise UsageError(f"--snapshots takes the snapshots of one run, not of {len(paths)}")
    words = [*map(str, paths), *(["--weights"] if weights else []), *(["--snapshots"] if snapshots else [])]
    data_path = as_optional_path(data_dir, "data_dir")
    options = session.Options(device, data_path, overwrite=overwrite, command=["fashionlab", "ensemble", *words])
    parts = snapshots_of(paths[0]) if snapshots else members_of(paths)
    target = as_path(runs, "runs") / as_text(name or default_name("ensemble"), "name")
    folder = (average if weights else combine)(parts, target, options)
    return _evaluated(folder, data_path, device)


def default_name(what: str) -> str:
    """A name for a run of `what`, with the time."""
    return f"{what}-{datetime.now():%Y%m%d-%H%M%S}"


def _evaluated(folder: RunFolder, data_dir: Path | None, device: str) -> Run:
    if is_first_process():
        conclude(folder, data_dir=data_dir, device=device)
    return Run(folder.path, data_dir=data_dir, device=device)


@dataclass(frozen=True)
class _Asked:
    """What a person says of the recipe: its name and what to change."""

    source: PathLike | Recipe | None
    seed: int | None
    overrides: Overrides
    dataset: PathLike | None
    group: str | None
    limit_train: int | None

    @property
    def says_something(self) -> bool:
        return self.source is not None or bool(self._changes())

    @property
    def stem(self) -> str:
        return "recipe" if self.source is None or isinstance(self.source, Recipe) else Path(self.source).stem

    def _changes(self) -> dict[str, Any]:
        own = recipes.as_mapping(self.overrides)
        dataset = None if self.dataset is None else as_text(self.dataset, "dataset")
        extra = {"seed": self.seed, "data.dataset": dataset, "data.group": self.group, "data.limit": self.limit_train}
        return {**own, **{key: value for key, value in extra.items() if value is not None}}

    def fitted(self, data_dir: Path | None) -> Fitted:
        """What was asked for, with numbers that fit the data."""
        return recipes.load_fitted(self.source, self._changes(), data_dir)

    def of_run(self, own: Recipe, data_dir: Path | None) -> Recipe:
        """What was asked for where a run goes on with its `own` recipe."""
        if self.source is None:
            return recipes.fit(own.model_dump(mode="json"), self._changes(), "the run's recipe", data_dir).recipe
        return recipes.load_fitted(self.source, self._changes(), data_dir).recipe

    def command(self, **options: object) -> list[str]:
        """The command line that does the same, for command.txt. options: those of `train` that are not the recipe's."""
        source = [] if self.source is None else ["RECIPE" if isinstance(self.source, Recipe) else str(self.source)]
        changes = [word for key, value in recipes.as_mapping(self.overrides).items()
                   for word in ("--set", recipes.as_word(key, value))]
        own = {"seed": self.seed, "dataset": self.dataset, "group": self.group, "limit_train": self.limit_train}
        words = ["fashionlab", "train", *source, *changes]
        for name, value in {**own, **options}.items():
            if value is not None and value is not False:
                words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
        return words
