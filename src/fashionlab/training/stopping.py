"""Early stopping on a validation metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fashionlab.recipes.stopping import EarlyStoppingSettings
from fashionlab.training.best import BestSoFar
from fashionlab.training.logs import Epoch
from fashionlab.training.parts import Part

if TYPE_CHECKING:
    from fashionlab.training.trainer import Trainer


class EarlyStopping(Part):
    """``stopping.update({"val_loss": ..., "val_accuracy": ...})`` after every epoch: True when it is time to stop.

    That is after `patience` epochs in a row that did not beat the best by more than `min_delta`.
    Raises DivergedError when the metric is NaN or infinite.
    """

    def __init__(self, settings: EarlyStoppingSettings) -> None:
        self.settings = settings
        self.best = BestSoFar(settings.metric, settings.min_delta)

    def update(self, metrics: Mapping[str, float]) -> bool:
        self.best.update(metrics)
        return self.best.epochs_since_best >= self.settings.patience

    def end_epoch(self, trainer: Trainer, epoch: Epoch) -> None:
        """Only the epochs of the last phase count."""
        if epoch.validation and trainer.phase is trainer.phases[-1] and self.update(epoch.validation):
            trainer.position.stopped = (f"early stopping: {self.settings.metric} did not improve for "
                                        f"{self.settings.patience} epochs")

    def state_dict(self) -> dict[str, Any]:
        return self.best.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best.load_state_dict(state)
