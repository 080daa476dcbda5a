"""What the network is fed: pictures augmented anew in every step, or features that were computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from fashionlab.augment import Draw, Pipeline
from fashionlab.common.runtime import generator
from fashionlab.recipes import Recipe
from fashionlab.runs.folder import ModelSpec
from fashionlab.runs.predict import normalise, predict_logits, statistics
from fashionlab.training.signals import StopRequest
from fashionlab.training.transfer import FeatureCache, cache_features

if TYPE_CHECKING:
    from fashionlab.training.trainer import Trainer


class Inputs(Protocol):
    """What the loop uses."""

    def ready(self, trainer: Trainer, stop: StopRequest) -> bool:
        """Before every epoch: do what has to be done once. False when `stop` ended it before it was done."""
        ...

    def prepare(self, trainer: Trainer, indices: Tensor, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Positions int64 [B] of training pictures, the pictures uint8 [B, C, H, W] and labels int64 [B] -> what the
        network takes, and targets (int64 [B], or float [B, K] where labels mix)."""
        ...

    def validation_logits(self, trainer: Trainer, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Logits float32 [N, K] and labels of the validation pictures at `positions` (int64 [N]), on the CPU."""
        ...


class Pictures:
    """Pictures, augmented and normalised."""

    def __init__(self, recipe: Recipe, spec: ModelSpec, device: torch.device) -> None:
        self._augment = Pipeline(recipe.augment)
        self._mean, self._std = statistics(spec, device)

    def ready(self, trainer: Trainer, stop: StopRequest) -> bool:
        return True

    def prepare(self, trainer: Trainer, indices: Tensor, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        position = trainer.position
        names = ("augment", position.step, trainer.world.rank)
        draw = Draw(generator(trainer.recipe.seed, *names, device=images.device), position.epoch, indices)
        unit, targets = self._augment(images.float() / 255, labels, draw, len(trainer.spec.classes))
        return normalise(unit, self._mean, self._std, trainer.runtime), targets

    def validation_logits(self, trainer: Trainer, positions: Tensor) -> tuple[Tensor, Tensor]:
        return predict_logits(trainer.model, trainer.validation, trainer.spec, trainer.runtime, positions)


class CachedFeatures:
    """What a frozen backbone makes of every picture, computed before the first epoch; the head alone is trained."""

    def __init__(self) -> None:
        self.cache: FeatureCache | None = None

    def ready(self, trainer: Trainer, stop: StopRequest) -> bool:
        if self.cache is None:
            trainer.output.progress.say("the backbone looks at every picture once; the epochs then train the head on "
                                        "its features")
            self.cache = cache_features(trainer.model, trainer.train, trainer.validation, trainer.spec,
                                        trainer.runtime, lambda: any(trainer.world.gather(bool(stop))))
            if self.cache is None:
                return False
            trainer.position.overhead_seconds += self.cache.seconds
            trainer.wrapped = trainer.world.wrap(self.cache.head)
        return True

    def prepare(self, trainer: Trainer, indices: Tensor, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        assert self.cache is not None, "ready() comes first"
        return self.cache.train[indices], labels

    def validation_logits(self, trainer: Trainer, positions: Tensor) -> tuple[Tensor, Tensor]:
        if self.cache is None:  # time was up before the features were there
            return predict_logits(trainer.model, trainer.validation, trainer.spec, trainer.runtime, positions)
        return self.cache.validation_logits(positions)
