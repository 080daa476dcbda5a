"""Functions of a caller's that are called after every epoch and may end the training."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fashionlab.common.errors import UsageError
from fashionlab.training.distributed import World
from fashionlab.training.logs import Epoch

Callback = Callable[[Epoch], object]


class Callbacks:
    """Raises UsageError for what cannot be called."""

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
