"""What happened when in a training: the learning rate of every step, and the events that explain the curves."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from torch import nn

from fashionlab.data import steps_per_epoch
from fashionlab.recipes.averaging import Ema, Lookahead, Swa
from fashionlab.recipes.schedules import OneCycle, Plateau, Step
from fashionlab.report.inputs import ReportInputs
from fashionlab.training.averaging import build_averaging
from fashionlab.training.schedules import Schedule
from fashionlab.training.transfer import phases


@dataclass(frozen=True)
class Rates:
    """rates: float64 [S], the learning rate of each step made, of the optimizer's first group; with the steps that an
    epoch has."""

    rates: np.ndarray
    steps_per_epoch: int


@dataclass(frozen=True)
class Event:
    """Something to mark at `epoch` (may lie within one): it stands at the number of epochs done by then."""

    epoch: float
    label: str

    def __str__(self) -> str:
        whole = float(self.epoch).is_integer()
        when = "from the start" if not self.epoch else f"after epoch {self.epoch:.0f}" if whole else (
            f"{self.epoch:.1f} epochs in")
        return f"{when}: {self.label}"


def learning_rates(inputs: ReportInputs) -> Rates:
    """The schedule gone through once more, by the code that training uses; plateau is given the validation scores.

    Raises DataError when records are missing, or the weights of a run with `transfer`, whose rates follow its layers.
    """
    recipe, environment, history = inputs.results.recipe, inputs.results.environment, inputs.results.history
    an_epoch = steps_per_epoch(environment["data"]["train"], recipe.batch_size, world_size=environment["processes"])
    any_model = nn.Linear(1, 1)  # only rates are asked for
    averaging = build_averaging(recipe.averaging, any_model, an_epoch * recipe.epochs, an_epoch)
    # No optimizer of torch's: making one takes seconds, and the first group's base rate is the recipe's.
    optimizer: Any = SimpleNamespace(param_groups=[{}])
    rates: list[float] = []
    for phase in phases(recipe, inputs.model if recipe.transfer else any_model):
        schedule = Schedule(recipe.schedule, (phase.end - phase.start) * an_epoch, an_epoch)
        optimizer.param_groups[0]["initial_lr"] = recipe.optimizer.lr * phase.lr_factor
        first = phase.start * an_epoch
        for step in range(first, min(phase.end * an_epoch, inputs.results.metrics.steps)):
            if step > first and step % an_epoch == 0:
                row = history[step // an_epoch - 1]
                measured = {key: row[key] for key in ("val_loss", "val_accuracy")}
                schedule.end_epoch({key: value for key, value in measured.items() if value is not None})
            rates.append(schedule.apply(optimizer, step - first, averaging.lr_factor(step)))
    return Rates(np.array(rates), an_epoch)


def events(inputs: ReportInputs, rates: Rates) -> list[Event]:
    """Changes of the learning rate, the starts of averaging and of fine-tuning, and an end before the last epoch, in
    order."""
    marks = [*_rate_events(inputs, rates), *_averaging_events(inputs), *_transfer_events(inputs)]
    stopped, epochs = inputs.results.metrics.stopped, len(rates.rates) / rates.steps_per_epoch
    if stopped != "all epochs done":
        marks.append(Event(epochs, stopped.split(":")[0]))
    return sorted((event for event in marks if event.epoch <= epochs), key=lambda event: event.epoch)


def _rate_events(inputs: ReportInputs, rates: Rates) -> list[Event]:
    schedule = inputs.results.recipe.schedule
    marks = []
    warmup = schedule.pct_start if isinstance(schedule, OneCycle) else schedule.warmup
    if warmup and rates.rates.argmax() + 1 < len(rates.rates):
        peak = int(rates.rates.argmax())
        marks.append(Event(peak / rates.steps_per_epoch, f"warm-up ends, lr {rates.rates[peak]:.3g}"))
    if isinstance(schedule, Step | Plateau):
        for step in range(rates.steps_per_epoch, len(rates.rates), rates.steps_per_epoch):
            before, after = rates.rates[step - 1], rates.rates[step]
            if after < 0.999 * before:
                marks.append(Event(step / rates.steps_per_epoch, f"lr {before:.3g} → {after:.3g}"))
    return marks


def _transfer_events(inputs: ReportInputs) -> list[Event]:
    recipe = inputs.results.recipe
    if recipe.transfer is None or not 0 < recipe.transfer.head_epochs < recipe.epochs:
        return []
    return [Event(recipe.transfer.head_epochs, "fine-tuning starts")]


def _averaging_events(inputs: ReportInputs) -> list[Event]:
    match inputs.results.recipe.averaging:
        case Swa(start_epoch=start):
            return [Event(start, "weight averaging starts")]
        case Ema():
            return [Event(0, "moving average starts")]
        case Lookahead():
            return [Event(0, "look-ahead starts")]
        case _:
            return []
