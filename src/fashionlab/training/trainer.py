"""The training loop.

One step: take a batch that is resident on the device, augment it there, forward, backward, update, average.
After each epoch: validate, adapt, checkpoint, show. What only some recipes ask for is a part (`training.parts`); files
and progress leave through `training.output`, which does something in the first of several processes only. Every random
draw comes from a generator that is a function of (seed, purpose, step), so a resumed run needs its position and no
generator state.
"""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fashionlab.common.errors import DivergedError
from fashionlab.common.runtime import Runtime, seed_global
from fashionlab.data import ResidentPictures, steps_per_epoch
from fashionlab.models.ensemble import Ensemble, together
from fashionlab.optimizers import build_optimizer
from fashionlab.recipes import Recipe
from fashionlab.runs.folder import ModelSpec
from fashionlab.training.averaging import AveragedWeights, build_averaging
from fashionlab.training.callbacks import Callbacks
from fashionlab.training.distributed import World
from fashionlab.training.inputs import CachedFeatures, Inputs, Pictures
from fashionlab.training.logs import Epoch
from fashionlab.training.loss import build_loss
from fashionlab.training.output import Output
from fashionlab.training.parts import BestWeights, Part, Snapshots
from fashionlab.training.position import EpochSums, Position, in_present_form
from fashionlab.training.schedules import Schedule
from fashionlab.training.selection import NoSelection, Selection
from fashionlab.training.signals import StopRequest
from fashionlab.training.stopping import EarlyStopping
from fashionlab.training.teacher import NoTeacher, Teacher
from fashionlab.training.transfer import Phase, lr_scales, phases

# A long epoch is checkpointed this often too. When it happens never changes a result.
CHECKPOINT_SECONDS = 300.0


class Trainer:
    """Trains one model on resident pictures. Everything it decides follows from the recipe.

    train, validation: uint8 pictures resident on the device (`validation` may be empty).
    """

    def __init__(self, recipe: Recipe, model: nn.Module, train: ResidentPictures, validation: ResidentPictures,
                 spec: ModelSpec, runtime: Runtime, world: World, teacher: Teacher | None = None) -> None:
        self.recipe, self.model, self.train, self.validation = recipe, model, train, validation
        self.spec, self.runtime, self.world = spec, runtime, world
        self.steps_per_epoch = steps_per_epoch(len(train), recipe.batch_size, world_size=world.size)
        self.phases = phases(recipe, model)
        self.optimizer = build_optimizer(recipe.optimizer, model, lr_scales(recipe, model))
        self.base_rates = [group["initial_lr"] for group in self.optimizer.param_groups]
        # What every step asks.
        cached = recipe.transfer and recipe.transfer.cache_features
        self.inputs: Inputs = CachedFeatures() if cached else Pictures(recipe, spec, runtime.device)
        self.label_loss = build_loss(recipe.loss, train.labels, len(spec.classes), world)
        self.teacher = teacher or NoTeacher()
        self.selection = Selection(recipe.selection, len(train), runtime.device) if recipe.selection else NoSelection()
        self.averaging = build_averaging(recipe.averaging, model, self.steps_per_epoch * recipe.epochs,
                                         self.steps_per_epoch)
        # What every end of an epoch asks, in this order.
        self.best = BestWeights(recipe.early_stopping)
        self.parts: dict[str, Part] = {
            "selection": self.selection,
            "best": self.best,
            "early_stopping": EarlyStopping(recipe.early_stopping) if recipe.early_stopping else Part(),
            "averaging": AveragedWeights(self.averaging) if recipe.averaging else Part(),
            "snapshots": Snapshots(recipe.epochs // recipe.snapshots) if recipe.snapshots else Part(),
        }
        self.output = Output()
        self.position = Position(overhead_seconds=self.teacher.seconds)
        self.history: list[Epoch] = []
        self._lr = 0.0
        self._saved = 0.0
        self._begin_phase()

    # Position and state ------------------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        return self.position.epoch == self.recipe.epochs or self.position.stopped is not None

    def state_dict(self) -> dict[str, Any]:
        """Everything a resume needs, as tensors and plain values. All processes have to call it together."""
        self.selection.share(self.world)
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(), "position": self.position.state_dict(self.world),
                "history": [epoch.row() for epoch in self.history],
                "parts": {name: part.state_dict() for name, part in self.parts.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave, bit for bit on the same machine."""
        state = in_present_form(state)
        self.position = Position.from_state(state["position"], self.world)
        self.history = [Epoch.of(row) for row in state["history"]]
        self._begin_phase()
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        for name, part in self.parts.items():
            part.load_state_dict(state["parts"].get(name, {}))

    # The loop ----------------------------------------------------------------------------------------------------

    def fit(self, output: Output, stop: StopRequest, callbacks: Callbacks | None = None) -> None:
        """Train until the last epoch, early stopping, a callback or `stop`; after a stop the checkpoint says where to
        go on."""
        self.output, callbacks = output, callbacks or Callbacks()
        self._saved = time.monotonic()
        try:
            output.begin(self.recipe.epochs, self.steps_per_epoch, self.position.step)
            while not self.finished:
                if not self._run_epoch(stop):
                    if stop.out_of_time:
                        self._finish()
                    break
                epoch = self._end_epoch()
                output.end_epoch(epoch)
                if callbacks.ask(epoch, self.world) and not self.finished:
                    self._stop(f"a callback asked to stop after epoch {epoch.epoch}")
        finally:
            output.close()

    def _run_epoch(self, stop: StopRequest) -> bool:
        """The rest of the current epoch. False when `stop` ended it before its last step."""
        position, sums = self.position, self.position.sums
        if not self.inputs.ready(self, stop):
            self._checkpoint()
            return False
        done = position.step - position.epoch * self.steps_per_epoch
        batches = self.train.batches(self.recipe.batch_size, seed=self.recipe.seed, epoch=position.epoch,
                                     start_step=done, rank=self.world.rank, world_size=self.world.size,
                                     pool=self.selection.pool, balanced=self.recipe.data.sampler == "balanced")
        self.wrapped.train()
        self.phase.fix_statistics()
        mark = time.perf_counter()
        for indices, images, labels in batches:
            inputs, targets = self.prepare(indices, images, labels)
            ready = time.perf_counter()
            loss, correct = self.update(inputs, indices, labels, targets)
            position.step += 1
            sums.add(loss, correct, len(labels))
            now = time.perf_counter()
            sums.data_seconds += ready - mark
            sums.seconds += now - mark
            rate = sums.pictures * self.world.size / sums.seconds
            self.output.progress.step(position.epoch + 1, position.step, loss, rate)
            if position.step % self.steps_per_epoch and self._must_stop(stop):
                return False
            mark = time.perf_counter()
        return True

    def _must_stop(self, stop: StopRequest) -> bool:
        """Between two steps of an epoch: a checkpoint if it is time for one, or if `stop` says that this is the end."""
        due = time.monotonic() - self._saved > CHECKPOINT_SECONDS
        must_stop, must_save = self.world.agree(self.position.step, bool(stop), due)
        if must_stop or must_save:
            self._checkpoint()
        return must_stop

    def _end_epoch(self) -> Epoch:
        """What follows an epoch's last step, with its checkpoint at the end."""
        loss, accuracy = self._validate()
        self._refuse_ruined_weights(loss)
        sums = self.position.sums.over_all(self.world)
        self.position.epoch += 1
        self.position.sums = EpochSums()
        epoch = Epoch(epoch=self.position.epoch, train_loss=sums.loss / sums.pictures,
                      train_accuracy=sums.correct / sums.pictures, val_loss=loss, val_accuracy=accuracy, lr=self._lr,
                      seconds=sums.seconds, images_per_second=sums.pictures / sums.seconds,
                      data_seconds=sums.data_seconds, pictures=sums.pictures)
        self.history.append(epoch)
        self.schedule.end_epoch(epoch.validation)
        for part in self.parts.values():
            part.end_epoch(self, epoch)
        if self.finished:
            self._finish()
        if epoch.epoch == self.phase.end < self.recipe.epochs:
            self._begin_phase()
        self._checkpoint()
        return epoch

    def _stop(self, reason: str) -> None:
        """Make the epoch that has just ended the last one."""
        self.position.stopped = reason
        self._finish()
        self._checkpoint()

    def _finish(self) -> None:
        """Make what the run ends with."""
        for part in self.parts.values():
            part.finish(self)

    def _checkpoint(self) -> None:
        self.output.checkpoint(self.recipe, self.state_dict())
        self._saved = time.monotonic()

    # Phases ------------------------------------------------------------------------------------------------------

    def phase_of(self, epoch: int) -> Phase:
        """The phase of the epoch after `epoch` finished ones; the last phase after all of them."""
        return next(phase for phase in self.phases if min(epoch, self.recipe.epochs - 1) < phase.end)

    def phase_of_last_step(self) -> Phase:
        """The phase in which the weights became what they are."""
        return self.phase_of(max(self.position.step - 1, 0) // self.steps_per_epoch)

    def _begin_phase(self) -> None:
        """What learns from here on, at which rates; every phase goes through the schedule once."""
        self.phase = self.phase_of(self.position.epoch)
        self.phase.begin()
        for group, rate in zip(self.optimizer.param_groups, self.base_rates, strict=True):
            group["initial_lr"] = rate * self.phase.lr_factor
        steps = (self.phase.end - self.phase.start) * self.steps_per_epoch
        self.schedule = Schedule(self.recipe.schedule, steps, self.steps_per_epoch)
        self.wrapped = self.world.wrap(self.phase.as_trained(self.model))

    # One step ----------------------------------------------------------------------------------------------------

    def prepare(self, indices: Tensor, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """A batch of `train.batches` -> what the network takes, and targets (int64 [B], or float [B, K] where labels
        mix)."""
        return self.inputs.prepare(self, indices, images, labels)

    def update(self, inputs: Tensor, indices: Tensor, labels: Tensor, targets: Tensor) -> tuple[float, float]:
        """One optimizer step. Returns the mean loss and the number of pictures judged right, before the step."""
        recipe, step = self.recipe, self.position.step
        seed_global(self.runtime.device, recipe.seed, "dropout", step, self.world.rank)
        in_phase = step - self.phase.start * self.steps_per_epoch
        self._lr = self.schedule.apply(self.optimizer, in_phase, self.averaging.lr_factor(step))
        first: list[tuple[float, float]] = []
        apart = isinstance(self.model, Ensemble)
        self.label_loss.begin_step(targets)

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
                self.selection.observe(positions, logits, label)
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
        return self.teacher.loss(logits, positions, self.label_loss(logits, target))

    def _validate(self) -> tuple[float | None, float | None]:
        """Mean cross-entropy and accuracy on the validation split, every picture once over all processes."""
        count = len(self.validation)
        if not count:
            return None, None
        own = torch.arange(self.world.rank, count, self.world.size)
        logits, labels = self.inputs.validation_logits(self, own)
        loss = float(functional.cross_entropy(logits.double(), labels, reduction="sum")) if len(labels) else 0.0
        parts = self.world.gather((loss, int((logits.argmax(1) == labels).sum())))
        return sum(p[0] for p in parts) / count, sum(p[1] for p in parts) / count

    # Divergence --------------------------------------------------------------------------------------------------

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
