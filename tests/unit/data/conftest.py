"""What the tests of named data sets share."""

from __future__ import annotations

from pathlib import Path

import pytest

from fashionlab.data import DATASETS
from toy_photos import Toy, toy_photos


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A named data set of picture files, in the catalog; caches and system folders are empty ones."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "share"))
    monkeypatch.delenv("FASHIONLAB_DATA", raising=False)
    photos = toy_photos(tmp_path)
    DATASETS.names()  # all others are there before
    monkeypatch.setitem(DATASETS._entries, photos.entry.name, photos.entry)
    return photos
