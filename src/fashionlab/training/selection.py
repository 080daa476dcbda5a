"""Training on the pictures that are not learned yet: which they are, and what was last known of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from fashionlab.recipes.selection import SelectionSettings
from fashionlab.training.distributed import World
from fashionlab.training.logs import Epoch
from fashionlab.training.parts import Part

if TYPE_CHECKING:
    from fashionlab.training.trainer import Trainer

_UNSEEN = -1.0  # no loss is negative


class NoSelection(Part):
    """Every epoch trains on all pictures."""

    pool = None

    def observe(self, positions: Tensor, logits: Tensor, labels: Tensor) -> None:
        """See `Selection.observe`."""

    def share(self, world: World) -> None:
        """See `Selection.share`."""


class Selection(Part):
    """Keeps every training picture's last loss and, between epochs, chooses the pool of the next one.

    count: training pictures. A picture that was never seen counts as harder than any other.
    """

    def __init__(self, settings: SelectionSettings, count: int, device: torch.device) -> None:
        self.settings = settings
        self.pool: Tensor | None = None  # int64 positions on the CPU; None for all pictures
        self._losses = torch.full((count,), torch.inf, device=device)
        self._fresh = torch.full((count,), _UNSEEN, device=device)  # of this epoch alone

    def observe(self, positions: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Logits float32 [B, K] of the pictures at `positions` (int64 [B]) with `labels` (int64 [B])."""
        self.record(positions, functional.cross_entropy(logits, labels, reduction="none"))

    def record(self, positions: Tensor, losses: Tensor) -> None:
        """Losses float32 [B] of the pictures at `positions` (int64 [B]), both on the device."""
        self._fresh[positions] = losses

    def share(self, world: World) -> None:
        """Bring together what all processes have seen of the epoch; the first to have seen a picture counts."""
        if world.size > 1:
            merged, *others = world.gather(self._fresh.cpu())
            for other in others:
                merged = torch.where(merged == _UNSEEN, other, merged)
            self._fresh.copy_(merged)

    def end_epoch(self, trainer: Trainer, epoch: Epoch) -> None:
        self.choose(epoch.epoch, trainer.world)

    def choose(self, finished: int, world: World) -> None:
        """Choose the pool of the next epoch; `finished` counts the epochs done."""
        self.share(world)
        self._losses = torch.where(self._fresh == _UNSEEN, self._losses, self._fresh)
        self._fresh.fill_(_UNSEEN)
        if finished >= self.settings.after:
            kept = max(1, round(self.settings.keep * len(self._losses)))
            self.pool = self._losses.argsort(descending=True, stable=True)[:kept].cpu()

    def state_dict(self) -> dict[str, Any]:
        return {"pool": self.pool, "losses": self._losses, "fresh": self._fresh}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.pool = state["pool"]
        self._losses.copy_(state["losses"])
        self._fresh.copy_(state["fresh"])
