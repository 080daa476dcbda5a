"""Distillation: the loss of a network that learns from what another thinks of the training pictures."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from fashionlab.recipes.teacher import TeacherSettings


class NoTeacher:
    """The labels alone teach."""

    seconds = 0.0

    def loss(self, logits: Tensor, positions: Tensor, label_loss: Tensor) -> Tensor:
        return label_loss


class Teacher:
    """soft: float32 [N, K], softened probabilities of the N training pictures in their order. seconds: to make them."""

    def __init__(self, settings: TeacherSettings, logits: Tensor, seconds: float) -> None:
        self.settings, self.seconds = settings, seconds
        self.soft = functional.softmax(logits / settings.temperature, dim=1)

    def loss(self, logits: Tensor, positions: Tensor, label_loss: Tensor) -> Tensor:
        """The mean loss of float [B, K] for the pictures at `positions` (int64 [B]), whose labels give `label_loss`.

        The square of the temperature keeps the gradient's size, as Hinton et al. do; the divergence differs from the
        cross-entropy by a constant and is 0 for a network that agrees with its teacher.
        """
        temperature, weight = self.settings.temperature, self.settings.weight
        divergence = functional.kl_div(functional.log_softmax(logits / temperature, dim=1), self.soft[positions],
                                       reduction="batchmean")
        return (1 - weight) * label_loss + weight * temperature**2 * divergence
