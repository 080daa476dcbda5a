"""Stopping between two steps: a signal or a time limit."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType


class StopRequest:
    """Asked after every step whether to stop. `signal_number` is set once a signal came."""

    def __init__(self, max_seconds: float | None = None) -> None:
        self.signal_number: int | None = None
        self._deadline = None if max_seconds is None else time.monotonic() + max_seconds

    @property
    def out_of_time(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def __bool__(self) -> bool:
        return self.signal_number is not None or self.out_of_time


@contextlib.contextmanager
def catching_signals(request: StopRequest) -> Iterator[None]:
    """The first SIGINT or SIGTERM in the block is noted in `request`; a second one acts as it did before."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: FrameType | None) -> None:
        request.signal_number = number
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
