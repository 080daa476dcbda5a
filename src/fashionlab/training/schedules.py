"""Learning rate schedules: a factor of every group's base rate, a pure function of the step (and plateau's state).

Steps count from 0: `step` is the number of optimizer steps already made.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from fashionlab.optimizers import Optimizer
from fashionlab.recipes.schedules import Constant, Cosine, Linear, OneCycle, Plateau, ScheduleSettings, Step
from fashionlab.training.best import BestSoFar


class Schedule:
    """The settings' factor for steps 0 to total_steps - 1; `steps_per_epoch` turns epochs into steps.

    Before every step call ``apply``; after every epoch ``end_epoch`` with the validation metrics, which only `plateau`
    uses. The warm-up multiplies `constant`, `step` and `plateau`; `cosine` and `linear` begin where it ends.
    """

    def __init__(self, settings: ScheduleSettings, total_steps: int, steps_per_epoch: int) -> None:
        self.settings = settings
        self.total_steps = total_steps
        self.steps_per_epoch = steps_per_epoch
        self._plateau = PlateauState(settings) if isinstance(settings, Plateau) else None

    def apply(self, optimizer: Optimizer, step: int, override: float | None = None) -> float:
        """Set the learning rate of every group for `step`; return the first group's.

        override: a factor to use in place of the schedule's (SWA's constant rate).
        """
        factor = self.factor(step) if override is None else override
        floor = self.settings.min_lr if isinstance(self.settings, Plateau) and override is None else 0.0
        for group in optimizer.param_groups:
            base = group["initial_lr"]
            group["lr"] = max(base * factor, min(base, floor))
        return optimizer.param_groups[0]["lr"]

    def factor(self, step: int) -> float:
        """What the base learning rate is multiplied with at `step`."""
        settings = self.settings
        if isinstance(settings, OneCycle):
            return _one_cycle(settings, step, self.total_steps)
        warmup_steps = settings.warmup * self.total_steps
        rise = 1 - settings.warmup_start
        warm = settings.warmup_start + rise * step / warmup_steps if step < warmup_steps else 1.0
        progress = max(0.0, step - warmup_steps) / max(self.total_steps - warmup_steps, 1)
        match settings:
            case Cosine():
                return warm * (settings.final + (1 - settings.final) * (1 + math.cos(math.pi * progress)) / 2)
            case Linear():
                return warm * (1 + (settings.final - 1) * progress)
            case Step():
                return warm * settings.factor ** self._falls(settings, step // self.steps_per_epoch)
            case Plateau():
                return warm * (self._plateau.scale if self._plateau else 1.0)
            case Constant():
                return warm

    @staticmethod
    def _falls(settings: Step, epoch: int) -> int:
        return epoch // settings.every if settings.every else bisect_right(settings.milestones, epoch)

    def end_epoch(self, metrics: Mapping[str, float]) -> None:
        """Note an epoch's validation metrics, if there are any.

        Raises DivergedError when the one `plateau` watches is not finite.
        """
        if self._plateau and metrics:
            self._plateau.update(metrics)

    def state_dict(self) -> dict[str, Any]:
        return self._plateau.state_dict() if self._plateau else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self._plateau:
            self._plateau.load_state_dict(state)


class PlateauState:
    """The factor that torch's ReduceLROnPlateau (threshold_mode "rel", no cooldown) has reached."""

    def __init__(self, settings: Plateau) -> None:
        self.settings = settings
        self.scale = 1.0
        self.best = BestSoFar(settings.metric, settings.threshold, relative=True)

    def update(self, metrics: Mapping[str, float]) -> None:
        self.best.update(metrics)
        if self.best.epochs_since_best > self.settings.patience:
            self.scale *= self.settings.factor
            self.best.epochs_since_best = 0

    def state_dict(self) -> dict[str, Any]:
        return {"scale": self.scale, **self.best.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scale = state["scale"]
        self.best.load_state_dict(state)


def _one_cycle(settings: OneCycle, step: int, total_steps: int) -> float:
    """torch's OneCycleLR: the highest rate is reached at step pct_start * total_steps - 1."""
    lowest = 1 / settings.div_factor
    peak = settings.pct_start * total_steps - 1
    if step < peak:
        return _anneal(lowest, 1.0, step / peak)
    return _anneal(1.0, lowest / settings.final_div_factor, (step - peak) / (total_steps - 1 - peak))


def _anneal(start: float, end: float, progress: float) -> float:
    """Half a cosine from `start` to `end`."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * progress))
