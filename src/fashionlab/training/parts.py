"""The one shape of what a recipe may ask of a training besides its steps.

The trainer keeps its parts in a dictionary, asks all of them at the same places and writes their states under the same
names into the checkpoint. A part that the recipe leaves out is a plain `Part`, which does nothing: the loop never asks
whether a feature is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionlab.recipes.stopping import EarlyStoppingSettings
from fashionlab.training.best import BestSoFar
from fashionlab.training.logs import Epoch

if TYPE_CHECKING:
    from fashionlab.training.trainer import Trainer


class Part:
    """A feature that does nothing; one that does something replaces the methods that it needs."""

    def end_epoch(self, trainer: Trainer, epoch: Epoch) -> None:
        """After every epoch's validation and before its checkpoint."""

    def finish(self, trainer: Trainer) -> None:
        """Training ends here: after the last epoch and before its checkpoint, or in the middle, because time is up."""

    def state_dict(self) -> dict[str, Any]:
        """What a resume needs, as tensors and plain values."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""


class BestWeights(Part):
    """Keeps the weights of the best epoch on the validation split, by what early stopping watches, else by accuracy.

    epoch: the best one so far.
    """

    def __init__(self, early_stopping: EarlyStoppingSettings | None) -> None:
        self.epoch: int | None = None
        self._best = BestSoFar(early_stopping.metric if early_stopping else "val_accuracy", 0.0)

    def end_epoch(self, trainer: Trainer, epoch: Epoch) -> None:
        if epoch.validation and self._best.update(epoch.validation):
            self._keep(trainer)

    def finish(self, trainer: Trainer) -> None:
        """Weights from before the end of the first epoch are the best there are."""
        if self.epoch is None and len(trainer.validation):
            self._keep(trainer)

    def _keep(self, trainer: Trainer) -> None:
        self.epoch = trainer.position.epoch
        trainer.output.weights("best", trainer.model.state_dict())

    def state_dict(self) -> dict[str, Any]:
        return {**self._best.state_dict(), "epoch": self.epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._best.load_state_dict(state)
        self.epoch = state["epoch"]


class Snapshots(Part):
    """Keeps the weights at the end of every cycle of `epochs` epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def end_epoch(self, trainer: Trainer, epoch: Epoch) -> None:
        if epoch.epoch % self.epochs == 0:
            trainer.output.weights(f"snapshot-{epoch.epoch // self.epochs}", trainer.model.state_dict())
