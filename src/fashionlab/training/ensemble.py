"""One run made out of several finished ones: their probabilities or their weights averaged."""

from __future__ import annotations

import hashlib
import shlex
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fashionlab import models
from fashionlab.common import runtime
from fashionlab.common.environment import describe
from fashionlab.common.errors import DataError, UsageError
from fashionlab.common.files import write_json, write_text
from fashionlab.data import ResidentPictures
from fashionlab.recipes import Recipe, to_yaml, validate
from fashionlab.runs.comparable import load_alike
from fashionlab.runs.folder import ModelSpec, RunFolder, create_run
from fashionlab.runs.metrics import Metrics
from fashionlab.runs.model import build_model, without_pretrained
from fashionlab.runs.pictures import training_pictures
from fashionlab.runs.results import RunResults, load_results
from fashionlab.runs.weights import load_weights, save_weights
from fashionlab.training.averaging import refresh_batch_norm, refresh_batches
from fashionlab.training.session import Options


@dataclass(frozen=True)
class Member:
    """A finished run and the file of those of its weights that take part."""

    run: RunResults
    weights: Path

    def model(self) -> nn.Module:
        """The network with these weights, on the CPU."""
        model = build_model(self.run.spec)
        load_weights(model, self.weights)
        return model

    def origin(self) -> dict[str, str]:
        return {"run": str(self.run.folder.path), "weights": self.weights.name,
                "sha256": hashlib.sha256(self.weights.read_bytes()).hexdigest()}


def members_of(paths: Sequence[Path]) -> list[Member]:
    """The final weights of every run. Raises UsageError and DataError for runs that cannot answer together."""
    runs = load_alike(paths, "ensemble", "combined")
    for run in runs[1:]:
        for what in ("channels", "image_size", "mean", "std", "views"):
            mine, theirs = getattr(runs[0].spec, what), getattr(run.spec, what)
            if mine != theirs:
                raise DataError(f"{run.folder.path} cannot be combined with {runs[0].folder.path}: its pictures have "
                                f"another form ({what} {theirs} against {mine})")
    return [Member(run, run.folder.final_weights(run.recipe.weights)) for run in runs]


def snapshots_of(path: Path) -> list[Member]:
    """The snapshots that one run kept (the key `snapshots` of its recipe), oldest first.

    Raises UsageError for a run without at least two.
    """
    run = load_results(path)
    _ = run.metrics  # says what is missing
    files = run.folder.snapshots()
    if len(files) < 2:
        raise UsageError(f"{path} has {len(files)} snapshots, an ensemble needs at least 2; train it with "
                         "--set snapshots=3, or name several runs")
    return [Member(run, file) for file in files]


def combine(members: Sequence[Member], folder: Path, options: Options) -> RunFolder:
    """A run in `folder` whose network averages the members' probabilities; it is yet to be evaluated."""
    spec = members[0].run.spec
    arguments = [{"name": member.run.spec.name, **without_pretrained(member.run.spec.arguments)} for member in members]
    recipe = _recipe(members, "ensemble", {"name": "ensemble", "members": arguments})
    joint = replace(spec, name="ensemble", arguments=recipe.model.arguments)
    state = {f"members.{index}.{name}": value for index, member in enumerate(members)
             for name, value in member.model().state_dict().items()}
    return _write(members, folder, options, recipe, joint, state, "probabilities")


def average(members: Sequence[Member], folder: Path, options: Options) -> RunFolder:
    """A run in `folder` of the members' own network with their mean weights, as Wortsman et al. 2022
    (arXiv:2203.05482) do with trainings that began alike; batch-norm statistics are measured anew.

    Raises UsageError for members of different networks or from different beginnings, whose mean means nothing.
    """
    first = members[0]
    for member in members[1:]:
        _refuse_unrelated(first.run, member.run)
    states = [member.model().state_dict() for member in members]
    mean = {name: _mean([state[name] for state in states]) for name in states[0]}
    state = _refreshed(first.run, mean, options)
    recipe = _recipe(members, "mean weights", first.run.recipe.model.model_dump())
    joint = replace(first.run.spec, arguments=recipe.model.arguments)
    return _write(members, folder, options, recipe, joint, state, "weights")


def _refuse_unrelated(first: RunResults, other: RunResults) -> None:
    both = f"the weights of {other.folder.path} and {first.folder.path} have no common beginning"
    if first.recipe.model != other.recipe.model:
        raise UsageError(f"{both}: their networks differ; leave --weights out to average their probabilities")
    pretrained = first.recipe.model.arguments.get("weights", "none") != "none"
    if first.recipe.seed != other.recipe.seed and not pretrained:
        raise UsageError(f"{both}: they were initialised with seeds {other.recipe.seed} and {first.recipe.seed}; "
                         "leave --weights out to average their probabilities")


def _mean(values: Sequence[Tensor]) -> Tensor:
    """Counters (batches that batch norm has seen) are the first's."""
    return torch.stack(list(values)).mean(0) if values[0].is_floating_point() else values[0]


def _refreshed(run: RunResults, state: dict[str, Tensor], options: Options) -> dict[str, Tensor]:
    """`state` with batch-norm statistics of its own, from training pictures as they are."""
    device_runtime = runtime.choose(options.device, run.environment["precision"])
    model = build_model(run.spec).to(device_runtime.device).to(memory_format=device_runtime.memory_format)
    model.load_state_dict(state)
    pictures, split = training_pictures(run.folder, options.data_dir)
    train = ResidentPictures.from_set(pictures, split.train, device_runtime.device)
    refresh_batch_norm(model, refresh_batches(train, run.recipe, run.spec, device_runtime))
    return model.state_dict()


def _recipe(members: Sequence[Member], what: str, model: dict[str, Any]) -> Recipe:
    """The first member's recipe, as far as it says what is judged and how; the network alone is another."""
    names = ", ".join(dict.fromkeys(member.run.name for member in members))
    values = members[0].run.recipe.model_dump(mode="json")
    values.update(description=f"{what} of {len(members)}: {names}", model=model, expected=None, averaging=None,
                  early_stopping=None, transfer=None, snapshots=None, teacher=None, start=None)
    return validate(values, what)


def _write(members: Sequence[Member], folder: Path, options: Options, recipe: Recipe, spec: ModelSpec,
           state: dict[str, Tensor], how: str) -> RunFolder:
    began = time.perf_counter()
    first = members[0].run
    device_runtime = runtime.choose(options.device, first.environment["precision"])
    run = create_run(folder, options.overwrite)
    run.set_status("running")
    write_text(run.recipe, to_yaml(recipe))
    write_text(run.command, shlex.join(options.command) + "\n")
    write_json(run.environment, {**describe(device_runtime), "processes": 1, "data": first.environment["data"]})
    spec.save(run.model)
    shutil.copyfile(first.folder.split, run.split)
    save_weights(state, run.weights("ensemble"))
    write_json(run.ensemble, {"averaged": how, "members": [member.origin() for member in members]})
    run.update_metrics(_summary(members, recipe, spec, run, began))
    run.set_status("trained", stopped="all epochs done")
    return run


def _summary(members: Sequence[Member], recipe: Recipe, spec: ModelSpec, run: RunFolder, began: float) -> Metrics:
    """What training says of itself in metrics.json, added up over the runs that took part."""
    trained = list({str(member.run.folder.path): member.run.metrics for member in members}.values())
    seconds = sum(one.train_seconds for one in trained)
    pictures = sum(one.images_per_second * one.train_seconds for one in trained)
    return Metrics(
        run=str(run.path), recipe=recipe.description, model=spec.name, seed=recipe.seed,
        epochs=sum(one.epochs for one in trained), steps=sum(one.steps for one in trained),
        parameters=models.count_parameters(build_model(spec)), train_seconds=seconds,
        session_seconds=time.perf_counter() - began, images_per_second=pictures / seconds if seconds else 0.0,
        best_epoch=None, weights="ensemble", weights_chosen_by="no split: every member counts the same",
        stopped="all epochs done", history=[])
