"""Functions of a caller's that are called after every epoch and may end the training."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from fashionlab.common.errors import UsageError
from fashionlab.training.logs import Epoch

if TYPE_CHECKING:  # torch takes a second to import, and callers want the types alone
    from fashionlab.training.distributed import World

Callback = Callable[[Epoch], object]


class Callbacks:
    """Functions that are called with every finished epoch, after its checkpoint; a true answer ends the training.

    Raises UsageError for what cannot be called.
    """

    def __init__(self, callbacks: Iterable[Callback] = ()) -> None:
        if not isinstance(callbacks, Iterable):
            raise UsageError(f"callbacks: expected a list of functions, not {callbacks!r}")
        self._callbacks = tuple(callbacks)
        for callback in self._callbacks:
            if not callable(callback):
                raise UsageError(f"callbacks: expected functions of an epoch, not {callback!r}")

    def ask(self, epoch: Epoch, world: World) -> bool:
        """Call all of them, in the first process; whether one of them asks to stop, in every process."""
        if not self._callbacks:
            return False
        return world.decide(lambda: any([bool(callback(epoch)) for callback in self._callbacks]))
