"""The training loop.

One step: take a batch that is resident on the device, augment it there, forward, backward, update, average.
After each epoch: validate, adapt, log, checkpoint. Every random draw comes from a generator that is a function of
(seed, purpose, step), so a resumed run needs its position and no generator state.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fashionlab.augment import Draw, build
from fashionlab.common.errors import DivergedError
from fashionlab.common.runtime import Runtime, generator, seed_global
from fashionlab.data import ResidentPictures, steps_per_epoch
from fashionlab.models.ensemble import Ensemble, together
from fashionlab.optimizers import build_optimizer
from fashionlab.recipes import Recipe
from fashionlab.runs.checkpoint import save_checkpoint
from fashionlab.runs.folder import ModelSpec, RunFolder
from fashionlab.runs.predict import normalise, predict_logits, statistics
from fashionlab.runs.weights import save_weights
from fashionlab.training.averaging import build_averaging, final_weights, refresh_batches
from fashionlab.training.distributed import World
from fashionlab.training.logs import Progress, Row, TensorBoard, write_history
from fashionlab.training.schedules import Schedule
from fashionlab.training.selection import Selection
from fashionlab.training.signals import StopRequest
from fashionlab.training.stopping import EarlyStopping
from fashionlab.training.teacher import Teacher
from fashionlab.training.transfer import FeatureCache, cache_features, lr_scales, phases

# A long epoch is checkpointed this often too. When it happens never changes a result.
CHECKPOINT_SECONDS = 300.0


@dataclass
class _EpochSums:
    """What has been seen of the epoch so far, on the device; kept in the checkpoint, so plain numbers there."""

    loss: float = 0.0
    correct: float = 0.0
    pictures: int = 0
    seconds: float = 0.0
    data_seconds: float = 0.0


@dataclass
class _Position:
    """Where training stands. `step` counts updates over all epochs, `epoch` counts finished epochs."""

    step: int = 0
    epoch: int = 0
    stopped: str | None = None
    best: float = -math.inf
    best_epoch: int | None = None
    overhead_seconds: float = 0.0  # training time outside of steps: averaged weights made ready
    sums: _EpochSums = field(default_factory=_EpochSums)


class Trainer:
    """Trains one model on resident pictures. Everything it decides follows from the recipe.

    train, validation: uint8 pictures resident on the device (`validation` may be empty).
    """

    def __init__(self, recipe: Recipe, model: nn.Module, train: ResidentPictures, validation: ResidentPictures,
                 spec: ModelSpec, runtime: Runtime, world: World, teacher: Teacher | None = None) -> None:
        self.recipe, self.model, self.train, self.validation = recipe, model, train, validation
        self.spec, self.runtime, self.world = spec, runtime, world
        self.steps_per_epoch = steps_per_epoch(len(train), recipe.batch_size, world_size=world.size)
        total = self.steps_per_epoch * recipe.epochs
        self.augment = build(recipe.augment)
        self.mean, self.std = statistics(spec, runtime.device)
        self.phases = phases(recipe, model)
        self.optimizer = build_optimizer(recipe.optimizer, model, lr_scales(recipe, model))
        self.base_rates = [group["initial_lr"] for group in self.optimizer.param_groups]
        self.averaging = build_averaging(recipe.averaging, model, total, self.steps_per_epoch)
        self.stopper = EarlyStopping(recipe.early_stopping) if recipe.early_stopping else None
        self.selection = Selection(recipe.selection, len(train), runtime.device) if recipe.selection else None
        self.teacher = teacher
        self.cache: FeatureCache | None = None
        self.position = _Position(overhead_seconds=teacher.seconds if teacher else 0.0)
        self.history: list[Row] = []
        self._lr = 0.0
        self._checked = 0.0
        self._begin_phase()

    # Position and state ------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything a resume needs, as tensors and plain values."""
        position = {**vars(self.position), "sums": vars(self.position.sums)}
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "averaging": self.averaging.state_dict(),
                "stopper": self.stopper.state_dict() if self.stopper else None,
                "selection": self.selection.state_dict() if self.selection else None,
                "position": position, "history": self.history}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave, bit for bit on the same machine."""
        self.position = _Position(**{**state["position"], "sums": _EpochSums(**state["position"]["sums"])})
        if not self.world.is_first:  # the first process carries what all have seen of a started epoch
            self.position.sums = _EpochSums()
        self._begin_phase()
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.averaging.load_state_dict(state["averaging"])
        if self.stopper:
            self.stopper.load_state_dict(state["stopper"])
        if self.selection:
            self.selection.load_state_dict(state["selection"])
        self.history = state["history"]

    # The loop ----------------------------------------------------------------------------------------------------

    def fit(self, run: RunFolder, progress: Progress, stop: StopRequest) -> None:
        """Train until the last epoch, early stopping, or `stop`; after a stop the checkpoint says where to go on."""
        board = TensorBoard(run, self.position.epoch + 1) if self.world.is_first else None
        self._checked = time.monotonic()
        while self.position.epoch < self.recipe.epochs and self.position.stopped is None:
            if not self._features_ready(run, progress, stop) or not self._run_epoch(run, progress, stop):
                if stop.out_of_time:
                    self._end_early(run)
                break
            row = self._finish_epoch(run)
            if self.world.is_first and board:
                board.add(row)
                progress.epoch(row)
        if board:
            board.close()

    def _begin_phase(self) -> None:
        """What learns from here on, at which rates; every phase goes through the schedule once."""
        last_epoch = self.recipe.epochs - 1
        self.phase = next(phase for phase in self.phases if min(self.position.epoch, last_epoch) < phase.end)
        self.phase.begin()
        for group, rate in zip(self.optimizer.param_groups, self.base_rates, strict=True):
            group["initial_lr"] = rate * self.phase.lr_factor
        steps = (self.phase.end - self.phase.start) * self.steps_per_epoch
        self.schedule = Schedule(self.recipe.schedule, steps, self.steps_per_epoch)
        self.wrapped = self.world.wrap(self.model)

    def _end_phase(self, run: RunFolder) -> None:
        if self.recipe.snapshots and self.world.is_first:
            cycle = self.recipe.epochs // self.recipe.snapshots
            save_weights(self.model.state_dict(), run.weights(f"snapshot-{self.position.epoch // cycle}"))
        if self.position.epoch < self.recipe.epochs:
            self._begin_phase()

    def _features_ready(self, run: RunFolder, progress: Progress, stop: StopRequest) -> bool:
        """Compute the features that the recipe wants kept, once. False when `stop` ended it before they were there."""
        if self.recipe.transfer is None or not self.recipe.transfer.cache_features or self.cache:
            return True
        progress.say("the backbone looks at every picture once; the epochs then train the head on its features")
        self.cache = cache_features(self.model, self.train, self.validation, self.spec, self.runtime,
                                    lambda: any(self.world.gather(bool(stop))))
        if self.cache is None:
            self._checkpoint(run)
            return False
        self.position.overhead_seconds += self.cache.seconds
        self.wrapped = self.world.wrap(self.cache.head)
        return True

    def _run_epoch(self, run: RunFolder, progress: Progress, stop: StopRequest) -> bool:
        """The rest of the current epoch. False when `stop` ended it before its last step."""
        position, sums = self.position, self.position.sums
        done = position.step - position.epoch * self.steps_per_epoch
        batches = self.train.batches(self.recipe.batch_size, seed=self.recipe.seed, epoch=position.epoch,
                                     start_step=done, rank=self.world.rank, world_size=self.world.size,
                                     pool=self.selection.pool if self.selection else None)
        self.wrapped.train()
        self.phase.fix_statistics()
        mark = time.perf_counter()
        for indices, images, labels in batches:
            inputs, targets = self.prepare(indices, images, labels)
            ready = time.perf_counter()
            loss, correct = self.update(inputs, indices, labels, targets)
            position.step += 1
            sums.loss += loss * len(labels)
            sums.correct += correct
            sums.pictures += len(labels)
            now = time.perf_counter()
            sums.data_seconds += ready - mark
            sums.seconds += now - mark
            progress.step(position.epoch + 1, position.step, loss, sums.pictures * self.world.size / sums.seconds)
            finished = position.step % self.steps_per_epoch == 0
            if not finished and self._must_stop(stop):
                self._checkpoint(run)
                return False
            if not finished and self.world.size == 1 and time.monotonic() - self._checked > CHECKPOINT_SECONDS:
                self._checkpoint(run)
            mark = time.perf_counter()
        return True

    def _must_stop(self, stop: StopRequest) -> bool:
        """All processes stop at the same step; several ask one another now and then, for asking takes time."""
        if self.world.size == 1:
            return bool(stop)
        return self.position.step % 10 == 0 and any(self.world.gather(bool(stop)))

    def prepare(self, indices: Tensor, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 pictures -> augmented, normalised inputs and targets (int64 [B], or float [B, K] where labels mix)."""
        if self.cache:
            return self.cache.train[indices], labels
        position = self.position
        names = ("augment", position.step, self.world.rank)
        draw = Draw(generator(self.recipe.seed, *names, device=images.device), position.epoch, indices)
        unit, targets = self.augment(images.float() / 255, labels, draw, len(self.spec.classes))
        return normalise(unit, self.mean, self.std, self.runtime), targets

    def update(self, inputs: Tensor, indices: Tensor, labels: Tensor, targets: Tensor) -> tuple[float, float]:
        """One optimizer step. Returns the mean loss and the number of pictures judged right, before the step."""
        recipe, step = self.recipe, self.position.step
        seed_global(self.runtime.device, recipe.seed, "dropout", step, self.world.rank)
        in_phase = step - self.phase.start * self.steps_per_epoch
        self._lr = self.schedule.apply(self.optimizer, in_phase, self.averaging.lr_factor(step))
        first: list[tuple[float, float]] = []
        apart = isinstance(self.model, Ensemble)

        def closure() -> Tensor:
            self.optimizer.zero_grad()
            total, correct = inputs.new_zeros(()), inputs.new_zeros(())
            chunks = (part.chunk(recipe.gradient.accumulate) for part in (inputs, indices, labels, targets))
            for part, positions, label, target in zip(*chunks, strict=True):
                with self.runtime.autocast():
                    each = self.wrapped(part, apart=True) if apart else self.wrapped(part)[None]
                each = each.float()  # [M, B, K], an ensemble's members or a single network
                losses = torch.stack([self._loss(one, target, positions) for one in each])
                share = len(part) / len(inputs)
                (losses.sum() * share).backward()  # the sum: every member learns as it would alone
                total += losses.detach().mean() * share
                logits = together(each.detach()) if len(each) > 1 else each[0].detach()
                correct += (logits.argmax(1) == label).sum()
                if self.selection:
                    self.selection.record(positions, functional.cross_entropy(logits, label, reduction="none"))
            self._refuse_non_finite(total)
            if recipe.gradient.clip_norm is not None:
                nn.utils.clip_grad_norm_(self.model.parameters(), recipe.gradient.clip_norm)
            first.append((float(total), float(correct)))
            return total

        self.optimizer.step(closure)
        self.averaging.update(self.model, step + 1)
        return first[0]  # sharpness-aware minimisation calls the closure twice

    def _loss(self, logits: Tensor, target: Tensor, positions: Tensor) -> Tensor:
        """What one network's logits [B, K] cost: against the labels, and against the teacher where there is one."""
        loss = functional.cross_entropy(logits, target, label_smoothing=self.recipe.loss.label_smoothing)
        return self.teacher.loss(logits, positions, loss) if self.teacher else loss

    def _refuse_non_finite(self, loss: Tensor) -> None:
        if not torch.isfinite(loss):
            done = self.position.step - self.position.epoch * self.steps_per_epoch
            raise DivergedError(f"the loss became {float(loss)} in epoch {self.position.epoch + 1}, step {done + 1} of "
                                f"{self.steps_per_epoch}, at learning rate {self._lr:.3g}; try a smaller optimizer.lr")

    def _refuse_ruined_weights(self, validation_loss: float | None) -> None:
        """The epoch's last step can ruin the weights without any training loss showing it."""
        finite = all(bool(torch.isfinite(parameter).all()) for parameter in self.model.parameters())
        if not finite or not math.isfinite(validation_loss or 0.0):
            raise DivergedError(f"the weights became unusable at the end of epoch {self.position.epoch + 1}, "
                                f"at learning rate {self._lr:.3g}; try a smaller optimizer.lr")

    # After an epoch ----------------------------------------------------------------------------------------------

    def _finish_epoch(self, run: RunFolder) -> Row:
        position = self.position
        loss, accuracy = self._validate()
        self._refuse_ruined_weights(loss)
        sums = self._all_sums()
        position.epoch += 1
        row: Row = {
            "epoch": position.epoch,
            "train_loss": sums.loss / sums.pictures, "train_accuracy": sums.correct / sums.pictures,
            "val_loss": loss, "val_accuracy": accuracy, "lr": self._lr,
            "seconds": sums.seconds, "images_per_second": sums.pictures / sums.seconds,
            "data_seconds": sums.data_seconds, "pictures": sums.pictures,
        }
        self.history.append(row)
        position.sums = _EpochSums()
        if self.selection:
            self.selection.end_epoch(position.epoch, self.world)
        if loss is not None and accuracy is not None:
            metrics = {"val_loss": loss, "val_accuracy": accuracy}
            self.schedule.end_epoch(metrics)
            self._keep_best(run, loss, accuracy)
            if self.stopper and self.phase is self.phases[-1] and self.stopper.update(metrics):
                position.stopped = (f"early stopping: {self.stopper.settings.metric} did not improve for "
                                    f"{self.stopper.settings.patience} epochs")
        if self.recipe.averaging and self._is_last():
            self._finish_averaging(run)
        if position.epoch == self.phase.end:
            self._end_phase(run)
        self._checkpoint(run)
        return row

    def _end_early(self, run: RunFolder) -> None:
        """Time is up: make what an evaluation needs from where training stands. The checkpoint is written already."""
        loss, accuracy = self._validate()
        if self.position.best_epoch is None and loss is not None and accuracy is not None:
            self._keep_best(run, loss, accuracy)
        if self.recipe.averaging:
            self._finish_averaging(run)

    def _is_last(self) -> bool:
        return self.position.epoch == self.recipe.epochs or self.position.stopped is not None

    def _validate(self) -> tuple[float | None, float | None]:
        """Mean cross-entropy and accuracy on the validation split, every picture once over all processes."""
        if not len(self.validation):
            return None, None
        rank, size = self.world.rank, self.world.size
        own = torch.arange(rank, len(self.validation), size)
        logits, labels = (self.cache.validation_logits(own) if self.cache else
                          predict_logits(self.model, self.validation, self.spec, self.runtime, own))
        loss = float(functional.cross_entropy(logits.double(), labels, reduction="sum")) if len(labels) else 0.0
        parts = self.world.gather((loss, int((logits.argmax(1) == labels).sum())))
        count = len(self.validation)
        return sum(p[0] for p in parts) / count, sum(p[1] for p in parts) / count

    def _keep_best(self, run: RunFolder, loss: float, accuracy: float) -> None:
        by_loss = self.stopper is not None and self.stopper.settings.metric == "val_loss"
        value = -loss if by_loss else accuracy
        if value > self.position.best:
            self.position.best, self.position.best_epoch = value, self.position.epoch
            if self.world.is_first:
                save_weights(self.model.state_dict(), run.weights("best"))

    def _finish_averaging(self, run: RunFolder) -> None:
        """Write the averaged weights, their batch-norm statistics renewed. The model itself goes on unaveraged."""
        start = time.perf_counter()
        plain = refresh_batches(self.train, self.recipe, self.spec, self.runtime)
        with self.runtime.autocast():
            weights = final_weights(self.averaging, self.model, plain, self.phase.fixed)
        if self.world.is_first:
            save_weights(weights, run.weights("averaged"))
        self.position.overhead_seconds += time.perf_counter() - start

    def _all_sums(self) -> _EpochSums:
        """The epoch's sums over all processes; times are this process's own."""
        shares = self.world.gather(vars(self.position.sums))
        own = self.position.sums
        return _EpochSums(sum(s["loss"] for s in shares), sum(s["correct"] for s in shares),
                          sum(s["pictures"] for s in shares), own.seconds, own.data_seconds)

    def _checkpoint(self, run: RunFolder) -> None:
        sums = self._all_sums()
        if self.selection:
            self.selection.share(self.world)
        if self.world.is_first:
            write_history(run, self.history)
            state = self.state_dict()
            state["position"]["sums"] = vars(sums)
            save_checkpoint(run.last, self.recipe, state)
        self._checked = time.monotonic()
