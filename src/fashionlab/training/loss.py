"""What a batch's answers cost against its labels: every picture counting the same, or every class.

A batch is computed in parts (`gradient.accumulate`, several processes). A loss gives the mean of a part such that the
mean of the parts, each by its number of pictures, is the loss of the whole batch.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from fashionlab.recipes.schema import LossSettings
from fashionlab.training.distributed import World


class CrossEntropy:
    """Cross-entropy with labels int64 [B], or with the shares of mixed labels, float [B, K]."""

    def __init__(self, label_smoothing: float) -> None:
        self.label_smoothing = label_smoothing

    def begin_step(self, targets: Tensor) -> None:
        """Before a batch's first part: the targets of all parts that this process computes."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of a part: logits float32 [B, K] against `targets`."""
        return functional.cross_entropy(logits, targets, label_smoothing=self.label_smoothing)


class ClassWeightedCrossEntropy(CrossEntropy):
    """``torch.nn.CrossEntropyLoss(weight=weights)`` of whole batches, all processes' together.

    As torch has it, the sum is divided by the pictures' weights where labels are classes, and by the number of pictures
    where they are mixed, whose weight is in the shares.
    """

    def __init__(self, label_smoothing: float, weights: Tensor, world: World) -> None:
        super().__init__(label_smoothing)
        self.weights, self.world = weights, world
        self._mean_weight = weights.new_ones(())

    def begin_step(self, targets: Tensor) -> None:
        weights = self.weights[targets] if targets.ndim == 1 else self.weights.new_ones(len(targets))
        # Processes average what they compute: that is the whole batch's sum where the shares are even and where not.
        self._mean_weight = self.world.total(weights.sum()) / (self.world.size * len(targets))

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        summed = functional.cross_entropy(logits, targets, self.weights, reduction="sum",
                                          label_smoothing=self.label_smoothing)
        return summed / (len(targets) * self._mean_weight)


def balanced_weights(labels: Tensor, classes: int) -> Tensor:
    """The weight of each class, float32 [K], with which all classes among `labels` (int64 [N]) count the same.

    N / (number of classes that have pictures * the class's pictures), as scikit-learn's
    ``compute_class_weight("balanced")``: the mean over the pictures is 1. A class without pictures has weight 0.
    """
    counts = torch.bincount(labels, minlength=classes).double()
    present = counts > 0
    return torch.where(present, len(labels) / (present.sum() * counts.clamp(min=1)), 0.0).float()


def build_loss(settings: LossSettings, labels: Tensor, classes: int, world: World) -> CrossEntropy:
    """The loss of a training on pictures with `labels` (int64 [N])."""
    if settings.class_weights is None:
        return CrossEntropy(settings.label_smoothing)
    return ClassWeightedCrossEntropy(settings.label_smoothing, balanced_weights(labels, classes), world)
