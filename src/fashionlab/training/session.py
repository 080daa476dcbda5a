"""Around the loop: data, model and folder made ready, signals caught, the run's state written down.

Everything that can be wrong with the recipe, the data or the name is found before the folder is made.
"""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fashionlab import models
from fashionlab.common import runtime
from fashionlab.common.environment import describe
from fashionlab.common.errors import DataError, DivergedError, Interrupted, UsageError
from fashionlab.common.files import replacing, write_json, write_text
from fashionlab.common.records import PictureSet, Split
from fashionlab.data import ResidentPictures, normalisation
from fashionlab.data.seal import sealed_test_split
from fashionlab.models.pruning import shrink
from fashionlab.recipes import Recipe, to_yaml
from fashionlab.recipes.library import read_yaml
from fashionlab.recipes.start import StartSettings
from fashionlab.recipes.teacher import TeacherSettings
from fashionlab.runs.checkpoint import belongs_to, read_checkpoint
from fashionlab.runs.folder import ModelSpec, RunFolder, create_run, hold, open_run
from fashionlab.runs.metrics import Metrics
from fashionlab.runs.model import load_model, without_pretrained
from fashionlab.runs.pictures import load_recipe, load_split, training_pictures
from fashionlab.runs.predict import predict_logits, statistics
from fashionlab.runs.results import load_results
from fashionlab.training.callbacks import Callback, Callbacks
from fashionlab.training.distributed import World, world
from fashionlab.training.given import given_pictures
from fashionlab.training.output import Output, RunOutput
from fashionlab.training.progress import Progress
from fashionlab.training.signals import StopRequest, catching_signals
from fashionlab.training.teacher import Teacher
from fashionlab.training.trainer import Trainer

# Pictures that a model with data-dependent initialisation sees, fewer where they are large.
INITIALISE_PICTURES = 5000
_INITIALISE_VALUES = INITIALISE_PICTURES * 3 * 64 * 64


@dataclass(frozen=True)
class Options:
    """What a person may say besides the recipe.

    max_minutes: training stops after this time and is evaluated. quiet: progress is not shown, even if handed in.
    """

    device: str = "auto"
    data_dir: Path | None = None
    max_minutes: float | None = None
    overwrite: bool = False
    quiet: bool = False
    skip_unreadable: bool = False
    command: Sequence[str] = ()


def start(recipe: Recipe, folder: Path, options: Options, callbacks: Iterable[Callback] = (),
          progress: Progress | None = None) -> RunFolder:
    """Train `recipe` from the beginning into `folder`, which must not exist yet (or `options.overwrite`).

    callbacks: each is called with the `logs.Epoch` after every epoch and its checkpoint, in the first process; when one
    gives something true, that epoch is the last one. What one raises ends the training, whose checkpoint stays.
    progress: how training is shown, by default not at all.
    Raises UsageError (recipe, name), DataError (pictures), DivergedError (the run says so too) and Interrupted
    (after a resumable checkpoint was written).
    """
    asked = Callbacks(callbacks)
    with world(options.device) as (processes, device), sealed_test_split(), _held(folder, processes):
        if folder.exists() and not options.overwrite and processes.is_first:
            create_run(folder, overwrite=False)  # refuses, before anything slow is done
        device_runtime = runtime.choose(device, recipe.precision)
        earlier = None if recipe.start is None else ModelSpec.load(open_run(Path(recipe.start.run)).model)
        pictures, split = given_pictures(recipe, options.data_dir, options.skip_unreadable,
                                         _shown(options, progress).say, earlier and earlier.preparations.sets)
        spec = _spec(recipe, pictures, split, earlier)
        trainer = _trainer(recipe, pictures, split, spec, device_runtime, processes, initialise=True)
        run = create_run(folder, options.overwrite) if processes.is_first else RunFolder(folder)
        if processes.is_first:
            _describe_run(run, recipe, spec, pictures, split, device_runtime, processes, options)
        processes.gather(None)  # nobody goes on before the folder is there
        return _fit(trainer, run, options, asked, progress)


def resume(folder: Path, recipe: Recipe | None, options: Options, callbacks: Iterable[Callback] = (),
           progress: Progress | None = None) -> RunFolder:
    """Continue the run in `folder` exactly where its checkpoint stands, if early stopping or a callback did not end it.

    `recipe`: what the person asked for, if anything; it must be the run's own. callbacks, progress: as for `start`.
    Raises UsageError when the recipe or the run's state forbid it, DataError when the checkpoint or the pictures are
    not the run's.
    """
    asked = Callbacks(callbacks)
    run = open_run(folder)
    with world(options.device) as (processes, device), sealed_test_split(), _held(folder, processes):
        if run.ensemble.is_file():
            raise UsageError(f"{folder} was put together from other runs; there is no training to continue")
        own = load_recipe(run)
        _refuse_change(run, own, recipe)
        if run.metrics.exists():
            run.read_metrics()  # a broken file is named now and not when training has ended
        if not run.last.exists():
            raise DataError(f"{run.last}: there is no checkpoint yet; train it again with --overwrite")
        state = read_checkpoint(run.last)
        if not belongs_to(state, read_yaml(run.recipe), own):
            raise UsageError(f"{run.recipe} was changed since the checkpoint was written; a resume must not change "
                             "the recipe: undo the change or start a new run")
        environment = run.read_json(run.environment)
        device_runtime = runtime.choose(device, environment["precision"])
        pictures, split = training_pictures(run, options.data_dir)
        trainer = _trainer(own, pictures, split, ModelSpec.load(run.model), device_runtime, processes, initialise=False)
        trainer.load_state_dict(state)
        return _fit(trainer, run, options, asked, progress)


@contextlib.contextmanager
def _held(folder: Path, processes: World) -> Iterator[None]:
    """The run called `folder` is this training's alone: the first process holds it for all."""
    lock = hold(folder) if processes.is_first else None
    try:
        yield
    finally:
        if lock:
            lock.release()


def _refuse_change(run: RunFolder, own: Recipe, asked: Recipe | None) -> None:
    if asked is None or asked == own:
        return
    mine, theirs = own.model_dump(mode="json"), asked.model_dump(mode="json")
    changed = [key for key in mine if mine[key] != theirs[key]]
    raise UsageError(f"{run.path} was trained with another recipe ({', '.join(changed)} differ); a resume must not "
                     "change it: leave the recipe out, or start a new run")


def _spec(recipe: Recipe, pictures: PictureSet, split: Split, earlier: ModelSpec | None) -> ModelSpec:
    """earlier: of the run that the training starts from. One of before there was a choice is asked about other pictures
    in another way than it was trained in, and so is what comes of it."""
    preparation = pictures.preparation
    if earlier and preparation == earlier.preparations.sets:
        preparation = earlier.preparation
    channels, height = pictures.images.shape[1:3]
    how = recipe.data.normalise
    if how == "dataset":
        mean, std = normalisation(pictures, split.train)
    else:
        mean, std = {"half": (0.5, 0.5), "none": (0.0, 1.0)}[how] if isinstance(how, str) else (how.mean, how.std)
    return ModelSpec(recipe.model.name, recipe.model.arguments, pictures.classes, channels, height,
                     _per_channel(mean, channels), _per_channel(std, channels), recipe.test_time.views,
                     preparation)


def _per_channel(value: Any, channels: int) -> tuple[float, ...]:
    values = np.atleast_1d(np.asarray(value, dtype=np.float64)).tolist()
    if len(values) not in (1, channels):
        raise UsageError(f"data.normalise: {len(values)} values for pictures with {channels} channel(s)")
    return tuple(values * channels if len(values) == 1 else values)


def _trainer(recipe: Recipe, pictures: PictureSet, split: Split, spec: ModelSpec, device_runtime: runtime.Runtime,
             processes: World, *, initialise: bool) -> Trainer:
    train = ResidentPictures.from_set(pictures, split.train, device_runtime.device)
    validation = ResidentPictures.from_set(pictures, split.validation, device_runtime.device)
    runtime.seed_global(device_runtime.device, recipe.seed, "initialisation")
    arguments = spec.arguments if initialise else without_pretrained(spec.arguments)
    model = models.build(spec.name, classes=len(spec.classes), channels=spec.channels, image_size=spec.image_size,
                         **arguments).to(device_runtime.device).to(memory_format=device_runtime.memory_format)
    if initialise and recipe.start:
        _start_from(recipe.start, model, pictures, split, spec)
    elif initialise:
        _initialise_from_data(model, train, spec, recipe.seed)
    teacher = _teacher(recipe.teacher, train, pictures, split, spec, device_runtime) if recipe.teacher else None
    return Trainer(recipe, model, train, validation, spec, device_runtime, processes, teacher)


def _teacher(settings: TeacherSettings, train: ResidentPictures, pictures: PictureSet, split: Split, spec: ModelSpec,
             device_runtime: runtime.Runtime) -> Teacher:
    """Ask the run in `settings` about `train`, those of `pictures` that `split` trains on, in the form of `spec`.

    Raises DataError for a run that has not finished, knows other classes or another form of pictures, or was, or may
    have been, trained on pictures that this training is validated or tested on.
    """
    folder = _earlier_run("teacher", settings.run, pictures, split, spec)
    began = time.perf_counter()
    model, teacher_spec = load_model(folder, device_runtime.device)
    logits, _ = predict_logits(model, train, teacher_spec, device_runtime)
    return Teacher(settings, logits.to(device_runtime.device), time.perf_counter() - began)


def _start_from(settings: StartSettings, model: nn.Module, pictures: PictureSet, split: Split,
                spec: ModelSpec) -> None:
    """Give `model` the weights of the run in `settings`, its least important channels left out where it has more.

    Raises UsageError for a run of another model; else as `_teacher`.
    """
    folder = _earlier_run("start", settings.run, pictures, split, spec)
    network, other = load_model(folder, torch.device("cpu"))
    if other.name != spec.name:
        raise UsageError(f"start {settings.run}: a run of model {other.name!r}, this training's is {spec.name!r}")
    model.load_state_dict(shrink(network, model, spec.name))


def _earlier_run(role: str, path: str, pictures: PictureSet, split: Split, spec: ModelSpec) -> RunFolder:
    """A finished run that this training may learn from, as its `role`."""
    results = load_results(Path(path))
    _ = results.metrics  # says what is missing
    for what in ("classes", "channels", "image_size"):
        mine, theirs = getattr(spec, what), getattr(results.spec, what)
        if mine != theirs:
            raise DataError(f"{role} {path}: its {what} are {theirs}, this training's {mine}")
    if results.data["sha256"] != pictures.sha256:
        # Which of its pictures are among these cannot be told, nor which of them judge this training.
        raise DataError(f"{role} {path}: it was trained on other pictures, of {results.data['source']}; they may be "
                        "among those that this training is validated or tested on: use the same data set, data.group "
                        "and data.preparation for both")
    if np.isin(split.validation, load_split(results.folder).train).any():
        raise DataError(f"{role} {path}: it was trained on pictures that validate this training; use the same "
                        "data.validation and data.split_seed for both")
    return results.folder


def _initialise_from_data(model: nn.Module, train: ResidentPictures, spec: ModelSpec, seed: int) -> None:
    """A model may set weights from training pictures (`initialise_from`), as airbench's whitening layer does."""
    if hasattr(model, "initialise_from"):
        most = min(INITIALISE_PICTURES, max(100, _INITIALISE_VALUES // (spec.channels * spec.image_size**2)))
        order = torch.randperm(len(train), generator=runtime.generator(seed, "initialise"))[:most]
        mean, std = statistics(spec, train.device)
        model.initialise_from((train.take(order)[1].float() / 255 - mean) / std)  # type: ignore[operator]


def _describe_run(run: RunFolder, recipe: Recipe, spec: ModelSpec, pictures: PictureSet, split: Split,
                  device_runtime: runtime.Runtime, processes: World, options: Options) -> None:
    data = {"source": pictures.source, "sha256": pictures.sha256, "split_sha256": split.sha256,
            "train": len(split.train), "validation": len(split.validation),
            "skip_unreadable": options.skip_unreadable}
    run.set_status("running")
    write_text(run.recipe, to_yaml(recipe))
    write_text(run.command, shlex.join(options.command) + "\n")
    write_json(run.environment, {**describe(device_runtime), "processes": processes.size, "data": data})
    spec.save(run.model)
    with replacing(run.split) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, train=split.train, validation=split.validation)


def _fit(trainer: Trainer, run: RunFolder, options: Options, callbacks: Callbacks,
         progress: Progress | None) -> RunFolder:
    output = RunOutput(run, _shown(options, progress)) if trainer.world.is_first else Output()
    stop = StopRequest(None if options.max_minutes is None else options.max_minutes * 60)
    began = time.perf_counter()
    try:
        output.status("running")
        with catching_signals(stop):
            trainer.fit(output, stop, callbacks)
    except DivergedError as error:
        output.status("diverged", reason=str(error))
        raise
    except Exception as error:
        output.status("failed", reason=str(error))
        raise
    if stop.signal_number is not None and not trainer.finished:
        output.status("interrupted", signal=stop.signal_number, step=trainer.position.step)
        raise Interrupted(f"stopped in epoch {trainer.position.epoch + 1}; continue with "
                          f"`fashionlab train --resume {run.path}`", stop.signal_number)
    output.metrics(_summary(trainer, run, time.perf_counter() - began))
    output.status("trained", stopped=_why_stopped(trainer))
    return run


def _shown(options: Options, progress: Progress | None) -> Progress:
    return Progress() if options.quiet or progress is None else progress


def _why_stopped(trainer: Trainer) -> str:
    return "out of time" if not trainer.finished else trainer.position.stopped or "all epochs done"


def _summary(trainer: Trainer, run: RunFolder, seconds: float) -> Metrics:
    """The part of metrics.json that training knows. train_seconds: steps and averaging, without validation."""
    history, position = [epoch.row() for epoch in trainer.history], trainer.position
    stepping = sum(float(row["seconds"] or 0) for row in history) + position.sums.seconds
    train_seconds = stepping + position.overhead_seconds
    pictures = sum(int(row["pictures"] or 0) for row in history) + position.sums.pictures
    return Metrics(
        run=str(run.path),
        recipe=trainer.recipe.description.split("\n")[0],
        model=trainer.spec.name,
        seed=trainer.recipe.seed,
        epochs=position.epoch,
        steps=position.step,
        parameters=models.count_parameters(trainer.model),
        train_seconds=train_seconds,
        session_seconds=seconds,
        images_per_second=pictures / train_seconds if train_seconds else 0.0,
        data_share=sum(float(row["data_seconds"] or 0) for row in history) / train_seconds if train_seconds else 0.0,
        best_epoch=trainer.best.epoch,
        weights=trainer.recipe.weights,
        weights_chosen_by={"best": "validation split", "averaged": "no split: the average",
                           "last": "no split: the last epoch"}[trainer.recipe.weights],
        stopped=_why_stopped(trainer),
        history=history,
    )
