"""Prune a finished run: the same network with fewer channels, fine-tuned, as a run of its own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from fashionlab import models
from fashionlab.common.errors import UsageError
from fashionlab.common.progress import note
from fashionlab.evaluation.run import conclude
from fashionlab.recipes import Recipe, validate
from fashionlab.runs.folder import RunFolder
from fashionlab.runs.pictures import load_recipe
from fashionlab.runs.results import load_results
from fashionlab.training import session

RATE = 0.25  # of the run's learning rate: a higher one undoes what the start gives (docs/experiments.md)


def prune_run(path: Path, share: float, data_dir: Path | None = None) -> Path:
    """Train a run whose network has `share` (between 0 and 1) of the channels of `path`'s taken away, and evaluate it.

    It stands beside `path`, with "-pruned50" and the like behind its name; one that is there already and complete is
    taken. What is kept, `models.pruning.shrink` says. Returns its folder. Raises UsageError for a network that cannot
    be pruned or another run of that name, else what training raises.
    """
    results = load_results(path)
    _ = results.metrics  # says what is missing
    recipe = pruned_recipe(load_recipe(results.folder), path, share)
    folder = path.with_name(f"{path.name}-pruned{round(100 * share)}")
    if folder.exists():
        _require_same(RunFolder(folder), recipe)
        note(f"export: {folder} is there already")
        return folder
    note(f"export: fine-tuning {folder} for {recipe.epochs} epoch(s)")
    options = session.Options(data_dir=data_dir, quiet=True, skip_unreadable=results.data["skip_unreadable"],
                              command=["fashionlab", "export", str(path), "--prune", f"{share:g}"])
    conclude(session.start(recipe, folder, options), data_dir=options.data_dir, device=options.device)
    return folder


def pruned_recipe(recipe: Recipe, path: Path, share: float) -> Recipe:
    """`recipe`, the one of the run at `path`, with narrower layers that start from that run, half the epochs, and a
    quarter of the learning rate."""
    if not 0 < share < 1:
        raise UsageError(f"--prune {share:g}: expected a share of the channels between 0 and 1, such as 0.5")
    key = models.MODELS[recipe.model.name].card.width
    if not key:
        narrower = ", ".join(name for name in models.MODELS if models.MODELS[name].card.width)
        raise UsageError(f"{path}: model {recipe.model.name!r} cannot be pruned: it has no argument that sets the "
                         f"number of its channels; expected one of {narrower}")
    values: dict[str, Any] = recipe.model_dump(mode="json")
    values["model"] = {**values["model"], key: _narrower(recipe.model.arguments[key], share)}
    for settings in (values["optimizer"], values["optimizer"].get("others")):  # Muon has two rates
        if settings:
            settings["lr"] *= RATE
    values.update(start={"run": str(path.resolve())}, epochs=math.ceil(recipe.epochs / 2), snapshots=None,
                  expected=None,
                  description=f"{recipe.description.split(chr(10))[0]}; {share:.0%} of its channels pruned")
    return validate(values, f"{path}, pruned")


def _narrower(widths: Any, share: float) -> Any:
    if isinstance(widths, int):
        return max(1, round(widths * (1 - share)))
    return [_narrower(width, share) for width in widths]


def _require_same(folder: RunFolder, recipe: Recipe) -> None:
    if not (folder.recipe.is_file() and load_recipe(folder).trains_like(recipe) and load_results(folder.path).metrics):
        raise UsageError(f"{folder.path} exists and is another run; rename or remove it")
