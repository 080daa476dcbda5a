"""Data of others that lies beside the project, in ../shared, and is never copied into it."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared_case(name: str) -> Path:
    """The folder of an input that failed for a real user. Skips the test where it is not there."""
    return _there(SHARED / "cases" / name)


def shared_photos() -> Path:
    """3,781 photographs of clothing with labels.csv. Skips the test where they are not there."""
    return _there(SHARED / "clothing-photos")


def _there(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"needs {path}, which is not there")
    return path
