"""What the tests of studies share."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def cheap_collections() -> Iterator[None]:
    """statsmodels collects garbage in every Holm correction, which takes long among all that tests import."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
