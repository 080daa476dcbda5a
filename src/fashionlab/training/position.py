"""Where a training stands, in the form in which checkpoints keep it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from fashionlab.training.distributed import World


@dataclass
class EpochSums:
    """What this process has seen of the epoch so far, as plain numbers, for the checkpoint keeps them.

    loss: added up over the pictures; correct: how many were judged right; data_seconds: the part of the steps' seconds
    that went into preparing batches.
    """

    loss: float = 0.0
    correct: float = 0.0
    pictures: int = 0
    seconds: float = 0.0
    data_seconds: float = 0.0

    def add(self, loss: float, correct: float, pictures: int) -> None:
        """A step: the mean loss of its pictures, and how many of them were judged right."""
        self.loss += loss * pictures
        self.correct += correct
        self.pictures += pictures

    def over_all(self, world: World) -> EpochSums:
        """The sums over all processes; times are this process's own."""
        shares = world.gather(asdict(self))
        return EpochSums(sum(s["loss"] for s in shares), sum(s["correct"] for s in shares),
                         sum(s["pictures"] for s in shares), self.seconds, self.data_seconds)


@dataclass
class Position:
    """`step` counts updates over all epochs, `epoch` counts finished epochs. stopped: why training ended before the
    last epoch, if it did for good."""

    step: int = 0
    epoch: int = 0
    stopped: str | None = None
    overhead_seconds: float = 0.0  # training time outside of steps: teacher, cached features, averaged weights
    sums: EpochSums = field(default_factory=EpochSums)

    def state_dict(self, world: World) -> dict[str, Any]:
        """Plain values, with what all processes have seen of a started epoch."""
        return {**vars(self), "sums": asdict(self.sums.over_all(world))}

    @staticmethod
    def from_state(state: dict[str, Any], world: World) -> Position:
        """The first process carries what all have seen of a started epoch."""
        sums = EpochSums(**state["sums"]) if world.is_first else EpochSums()
        return Position(**{**state, "sums": sums})


def in_present_form(state: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint as it is written today, from one in which parts had no dictionary of their own."""
    if "parts" in state:
        return state
    position = dict(state["position"])
    best, best_epoch = position.pop("best"), position.pop("best_epoch")  # best: an accuracy, or a loss with its sign
    parts = {name: state[key] or {} for name, key in
             (("selection", "selection"), ("early_stopping", "stopper"), ("averaging", "averaging"))}
    parts["best"] = {"best": abs(best) if math.isfinite(best) else None, "epochs_since_best": 0, "epoch": best_epoch}
    return {**state, "position": position, "parts": parts}
