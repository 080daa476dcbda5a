"""Several processes on one training, as `torchrun` starts them; one process is a world of size 1."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

# Asking all processes takes time, so they agree on what may happen at any step only at every tenth.
_AGREE_STEPS = 10

T = TypeVar("T")
_trainings = itertools.count()


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

    def total(self, value: Tensor) -> Tensor:
        """The sum of every process's `value`, a tensor on its device."""
        if self.size > 1:
            value = value.clone()
            distributed.all_reduce(value)
        return value

    def decide(self, question: Callable[[], T]) -> T:
        """The first process's answer, in every process; the others are not asked."""
        return self.gather(question() if self.is_first else None)[0]

    def agree(self, step: int, *wishes: bool) -> tuple[bool, ...]:
        """Which of the wishes any process has, the same in every process; between the steps that are asked at, none."""
        if self.size > 1 and step % _AGREE_STEPS:
            return (False,) * len(wishes)
        return tuple(any(each) for each in zip(*self.gather(wishes), strict=True))


def is_first_process() -> bool:
    """False in all but one of the processes that torchrun started; to be asked outside `world` too."""
    return os.environ.get("RANK", "0") == "0"


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
    # A name of its own in torchrun's store for each training of the program: under one name a second group meets the
    # first one's addresses, and its processes can wait for one another for ever.
    store, rank, size = next(rendezvous("env://"))
    own_store = distributed.PrefixStore(f"training-{next(_trainings)}", store)  # pyright: ignore
    distributed.init_process_group("nccl" if gpu else "gloo", store=own_store, rank=rank, world_size=size)
    try:
        yield World(rank, size), own
    finally:
        distributed.destroy_process_group()
