"""Several processes on one training, as `torchrun` starts them; one process is a world of size 1."""

from __future__ import annotations

import atexit
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

# Asking all processes takes time, so they agree on what may happen at any step only at every tenth.
_AGREE_STEPS = 10

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """This process's number and the number of processes."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Only the first process writes files and shows progress."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model as it is stepped: gradients averaged over all processes."""
        return DistributedDataParallel(model) if self.size > 1 else model

    def gather(self, value: Any) -> list[Any]:
        """`value` of every process, in order of rank, in every process."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value)
        return values

    def decide(self, question: Callable[[], T]) -> T:
        """The first process's answer, in every process; the others are not asked."""
        return self.gather(question() if self.is_first else None)[0]

    def agree(self, step: int, *wishes: bool) -> tuple[bool, ...]:
        """Which of the wishes any process has, the same in every process; between the steps that are asked at, none."""
        if self.size > 1 and step % _AGREE_STEPS:
            return (False,) * len(wishes)
        return tuple(any(each) for each in zip(*self.gather(wishes), strict=True))


@contextlib.contextmanager
def world(device: str) -> Iterator[tuple[World, str]]:
    """Join the other processes if torchrun started this one; gives the World and this process's device name."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield World(), device
        return
    gpu = torch.cuda.is_available() and not device.startswith("cpu")
    own = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if gpu else "cpu"
    if gpu:
        torch.cuda.set_device(own)
    # Joined once and left at the end of the process: a second group would meet the first one's traces in torchrun's
    # store, and its processes could wait for one another for ever.
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if gpu else "gloo")
        atexit.register(distributed.destroy_process_group)
    yield World(distributed.get_rank(), distributed.get_world_size()), own
