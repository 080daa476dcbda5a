"""The whole set on the device as bytes, dealt out in batches in an order that only the seed and the epoch decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from fashionlab.common.errors import UsageError
from fashionlab.common.mapped import release
from fashionlab.common.records import PictureSet
from fashionlab.common.runtime import generator

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def steps_per_epoch(n: int, batch_size: int, drop_last: bool = False, world_size: int = 1) -> int:
    """Batches an epoch of `n` pictures has. A last batch smaller than `world_size` is folded into the one before,
    so that every rank has a picture in every step.

    Raises UsageError when a batch is larger than the set or too small for the ranks.
    """
    if not 1 <= batch_size <= n:
        raise UsageError(f"batch_size {batch_size}: expected 1 to {n}, the number of training pictures")
    if batch_size < world_size:
        raise UsageError(f"batch_size {batch_size}: expected at least {world_size}, one picture for each process")
    full, rest = divmod(n, batch_size)
    return full + (0 if drop_last or rest < world_size else 1)


@dataclass(frozen=True)
class ResidentPictures:
    """Pictures uint8 [M, C, H, W] and labels int64 [N].

    rows: int64 [N] where only some of the pictures are meant (a memory-mapped set, which is never copied whole), else
    None and M = N. mapped: the array that `images` are, where they are memory-mapped. device: where batches are given
    out; `images` lie elsewhere only if they are memory-mapped.
    """

    images: torch.Tensor
    labels: torch.Tensor
    device: torch.device
    rows: torch.Tensor | None = None
    mapped: np.memmap | None = None

    @staticmethod
    def from_set(pictures: PictureSet, indices: np.ndarray, device: torch.device | str) -> ResidentPictures:
        """The pictures at `indices` (int [N]), in that order, on `device`; memory-mapped ones stay on the disk."""
        device = torch.device(device)
        labels = torch.from_numpy(pictures.labels[indices].astype(np.int64)).to(device)
        if isinstance(pictures.images, np.memmap):
            rows = torch.from_numpy(np.asarray(indices, dtype=np.int64))
            return ResidentPictures(torch.from_numpy(pictures.images), labels, device, rows, pictures.images)
        return ResidentPictures(torch.from_numpy(pictures.images[indices]).to(device), labels, device)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: torch.Tensor) -> Batch:
        """The batch at `positions` (int64 [B], on the CPU): positions, pictures and labels, on the device."""
        here = positions.to(self.device, non_blocking=True)
        if self.rows is None:
            images = self.images.index_select(0, here)
        else:
            images = self.images.index_select(0, self.rows[positions]).to(self.device, non_blocking=True)
            if self.mapped is not None:
                release(self.mapped)
        return here, images, self.labels.index_select(0, here)

    def batches(self, batch_size: int, *, seed: int, epoch: int, start_step: int = 0, rank: int = 0,
                world_size: int = 1, drop_last: bool = False, pool: torch.Tensor | None = None,
                balanced: bool = False) -> Iterator[Batch]:
        """The batches of `epoch` from `start_step` on, in the order drawn from (seed, "order", epoch).

        Each is positions int64 [B] into this set, pictures uint8 [B, C, H, W], labels int64 [B]. `batch_size` counts
        the pictures of all `world_size` ranks together; each rank gets its share (which may differ by one), and every
        picture is dealt out exactly once an epoch (but for a dropped last batch). With `pool` (int64 positions, on the
        CPU) only those are dealt out, again and again until the epoch has as many pictures as without. With `balanced`
        the epoch has as many pictures, but every class the same share of them: see `_balanced_order`.
        Raises UsageError as `steps_per_epoch` does.
        """
        steps = steps_per_epoch(len(self), batch_size, drop_last, world_size)
        if balanced and pool is not None:
            raise ValueError("balanced: all pictures are drawn from, not a pool")
        draw = generator(seed, "order", epoch)
        pool = torch.arange(len(self)) if pool is None else pool
        order = self._balanced_order(draw) if balanced else _rounds(pool, len(self), draw)
        return self._deal(order, batch_size, steps, start_step, rank, world_size, drop_last)

    def _balanced_order(self, draw: torch.Generator) -> torch.Tensor:
        """Positions int64 [N] in which the numbers of pictures of two classes differ by one at most.

        Pictures are drawn without replacement within a class until all of it have been, then anew; which classes have
        one more than others is drawn too. A class without pictures has no share.
        """
        labels = self.labels.cpu()
        counts = torch.unique(labels, return_counts=True)[1].tolist()
        members = labels.argsort(stable=True).split(counts)
        share, rest = divmod(len(labels), len(members))
        quotas = torch.full((len(members),), share)
        quotas[torch.randperm(len(members), generator=draw)[:rest]] += 1
        order = torch.cat([_rounds(of_class, quota, draw)
                           for of_class, quota in zip(members, quotas.tolist(), strict=True)])
        return order[torch.randperm(len(order), generator=draw)]

    def _deal(self, order: torch.Tensor, batch_size: int, steps: int, start_step: int, rank: int, world_size: int,
              drop_last: bool) -> Iterator[Batch]:
        for step in range(start_step, steps):
            start = step * batch_size
            stop = len(self) if step == steps - 1 and not drop_last else start + batch_size
            first, last = (start + (stop - start) * part // world_size for part in (rank, rank + 1))
            yield self.take(order[first:last])


def _rounds(pool: torch.Tensor, count: int, draw: torch.Generator) -> torch.Tensor:
    """`count` of `pool` (int64 [M]): all of them in an order drawn, then all anew in another, and so on."""
    rounds = -(-count // len(pool))
    return torch.cat([pool[torch.randperm(len(pool), generator=draw)] for _ in range(rounds)])[:count]
