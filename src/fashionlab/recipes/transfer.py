"""The `transfer` key of a recipe: which part of a pretrained network learns, and when; `training.transfer` does it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from fashionlab import models
from fashionlab.optimizers import OPTIMIZERS, OptimizerEntry
from fashionlab.recipes.settings import Settings


class TransferSettings(Settings):
    """First only the last layer (the head) learns, then the rest with it; each phase goes through the schedule once.

    head_epochs: epochs of the first phase; as many as `epochs` for the head alone. head_lr: its base learning rate
    where it is not the optimizer's. last_layers: how many of the layers before the head are fine-tuned, none for all.
    layer_decay: each layer's learning rate is that of the layer behind it times this (Howard and Ruder 2018,
    arXiv:1801.06146). freeze_batch_norm: fine-tuning uses and keeps the statistics that the network came with; layers
    that do not learn always do. freeze_depthwise: depthwise convolutions and their normalisation stay as they came, for
    their gradients take CPUs long. cache_features: the backbone sees every picture once and the head learns from what
    it made of them. Early stopping counts the epochs of the last phase only.
    """

    head_epochs: NonNegativeInt = 0
    head_lr: PositiveFloat | None = None
    last_layers: PositiveInt | None = None
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    freeze_batch_norm: bool = True
    freeze_depthwise: bool = False
    cache_features: bool = False

    def check(self, *, model: str, optimizer: OptimizerEntry, epochs: int, augmented: bool, views: int) -> None:
        """Raises ValueError where the rest of the recipe does not go with it."""
        if not _is_backbone(model):
            fitting = ", ".join(name for name in models.MODELS.names() if _is_backbone(name))
            raise ValueError(f"transfer: model {model!r} has no pretrained backbone; expected one of {fitting}")
        if not optimizer.scales_rates:
            fitting = ", ".join(name for name in OPTIMIZERS if OPTIMIZERS[name].scales_rates)
            raise ValueError(f"transfer: not with optimizer {optimizer.name!r}; expected one of {fitting}")
        if self.head_epochs > epochs:
            raise ValueError(f"transfer.head_epochs {self.head_epochs} exceeds epochs {epochs}")
        if self.cache_features:
            _check_cache(self.head_epochs, epochs, augmented, views)


def _check_cache(head_epochs: int, epochs: int, augmented: bool, views: int) -> None:
    if head_epochs < epochs:
        raise ValueError(f"transfer.cache_features needs a backbone that never changes: head_epochs {head_epochs} must "
                         f"be epochs ({epochs})")
    if augmented:
        raise ValueError("transfer.cache_features needs pictures that never change: augment must be empty")
    if views > 1:
        raise ValueError(f"transfer.cache_features keeps one view of a picture: test_time.views must be 1, not {views}")


def _is_backbone(model: str) -> bool:
    return "weights" in models.argument_names(model)
