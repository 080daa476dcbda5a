"""What a program hands over, checked before it is used: each mistake is one UsageError that names the argument."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from fashionlab.common.errors import UsageError

PathLike = str | os.PathLike[str]


def as_text(value: object, argument: str) -> str:
    """A name or path as it was written. value: a string or a path object."""
    text: Any = os.fspath(value) if isinstance(value, os.PathLike) else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if not isinstance(text, str):
        raise UsageError(f"{argument} {value!r}: expected a name or a path")
    return text


def as_path(value: object, argument: str) -> Path:
    """value: a string or a path object."""
    return Path(as_text(value, argument))


def as_optional_path(value: object, argument: str) -> Path | None:
    """As `as_path`; None stays None."""
    return None if value is None else as_path(value, argument)


def as_list(values: Any, argument: str) -> list[Any]:
    """Several values; a lone string, path or dictionary is not several."""
    if not isinstance(values, Iterable) or isinstance(values, str | bytes | os.PathLike | Mapping):
        raise UsageError(f"{argument} {values!r}: expected a list")
    return [*values]  # pyright: ignore[reportUnknownVariableType]


def check_choice(value: object, choices: Iterable[str], argument: str) -> None:
    options = list(choices)
    if not isinstance(value, str) or value not in options:
        raise UsageError(f"{argument} {value!r}: expected {' or '.join(options)}")


def check_number(value: object, argument: str) -> None:
    """Any number, NaN too."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise UsageError(f"{argument} {value!r}: expected a number")


def check_count(value: object, argument: str) -> None:
    """A whole number above 0."""
    if not isinstance(value, Integral) or isinstance(value, bool) or not int(value) > 0:
        raise UsageError(f"{argument} {value!r}: expected a whole number from 1")
