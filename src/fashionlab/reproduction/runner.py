"""Training a reference system over several seeds, as its recipe says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fashionlab import recipes
from fashionlab.common import runtime
from fashionlab.common.errors import UsageError
from fashionlab.evaluation.run import conclude
from fashionlab.reproduction.systems import Measurement, System, collect
from fashionlab.runs.folder import RunFolder
from fashionlab.runs.pictures import load_recipe
from fashionlab.studies.adoption import Shelf
from fashionlab.training import session


def reproduce(system: System, seeds: int, runs: Path, options: session.Options, *, changes: tuple[str, ...] = (),
              report_line: Callable[[str], None] = lambda line: None) -> Measurement:
    """Train what is missing of the seeds 0, 1, ... under `runs`/reproduce; finished runs, those of studies too, are not
    repeated and started ones continue.

    changes: KEY=VALUE of the recipe to set, which make a shortened row. report_line: is given a line for each run that
    is done. Raises what `session.start` raises: a failed run ends the measurement, for it would count.
    """
    # The recipe's own seed is the text's, where it names one.
    first = system.recipe.seed
    shelf = Shelf(runs, str(runtime.choose(options.device).device))
    folders = [_run(system, first + number, runs, shelf, options, changes, report_line) for number in range(seeds)]
    return collect(system, changes, folders, " ".join(["fashionlab", "reproduce", system.id, "--seeds", str(seeds),
                                                       *(f"--set {change}" for change in changes)]))


def _run(system: System, seed: int, runs: Path, shelf: Shelf, options: session.Options, changes: tuple[str, ...],
         report_line: Callable[[str], None]) -> RunFolder:
    recipe = recipes.load(system.id, [*changes, f"seed={seed}"])
    run = RunFolder(runs / "reproduce" / f"{system.id}{'-shortened' if changes else ''}-s{seed}")
    if run.recipe.is_file() and not load_recipe(run).trains_like(recipe):
        raise UsageError(f"{run.path}: a run of another recipe; move it away, or use another --runs")
    if not run.status.is_file():
        shelf.take(recipe, run.path)
    if _state(run) != "complete":
        if run.last.is_file():
            session.resume(run.path, None, options)
        else:
            session.start(recipe, run.path, options)
        conclude(run, data_dir=options.data_dir, device=options.device)
    metrics = run.read_metrics()
    report_line(f"{run.path.name}: {system.metric} {getattr(metrics, system.metric):.2%}, "
                f"{metrics.train_seconds:.0f} s")
    return run


def _state(run: RunFolder) -> str | None:
    return run.read_json(run.status).get("state") if run.status.is_file() else None
