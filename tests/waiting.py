"""Waiting for another process or thread: until something is so, however fast the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 240.0  # seconds; a machine that takes longer is taken for one where it never comes


def wait_until(condition: Callable[[], Any], what: str, ended: Callable[[], Any] = lambda: False) -> None:
    """Returns as soon as `condition()` holds. Fails when `ended()` holds first, or after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert not ended(), f"over before {what}"
        assert time.monotonic() < deadline, f"after {PATIENCE:.0f} s still not {what}"
        time.sleep(0.01)  # between two looks, no assumption about the time it takes


def wait_for_file(path: Path, ended: Callable[[], Any] = lambda: False) -> None:
    wait_until(path.exists, f"{path} was there", ended)
