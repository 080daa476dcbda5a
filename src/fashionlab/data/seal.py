"""The seal that keeps training and tuning from the test split."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fashionlab.common.errors import FashionlabError

# A count for the whole process and no context variable: threads that training starts must find the seal too.
_lock = threading.Lock()
_seals = 0


class SealedError(FashionlabError, RuntimeError):
    """The test split was asked for during training or tuning: a defect of the program, not of the data."""


@contextmanager
def sealed_test_split() -> Iterator[None]:
    """`data.held_out.load_test` raises SealedError while the block runs, in every thread of the process. May be
    nested."""
    global _seals
    with _lock:
        _seals += 1
    try:
        yield
    finally:
        with _lock:
            _seals -= 1


def check_seal() -> None:
    """Raises SealedError within `sealed_test_split()`."""
    if _seals:
        raise SealedError("the test split is sealed during training: selection and tuning see training pictures only")
