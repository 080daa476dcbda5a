"""Names of runs and classes where there is little room."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import takewhile


def shorten(name: str, length: int = 18) -> str:
    """`name` with its middle left out if it is longer: names that differ only at their end stay apart."""
    if len(name) <= length:
        return name
    end = length // 3
    return f"{name[: length - end - 1].rstrip()}…{name[-end:].lstrip()}"


def short_names(names: Sequence[str], length: int = 20) -> list[str]:
    """`names` cut to `length` in a way that keeps them apart: their middle, their end or their start left out, or what
    stands before and behind the place where they differ; where none does, they are left longer."""
    return list(_short_names(tuple(names), length))


@lru_cache(64)  # a figure asks for the name of each of its pictures
def _short_names(names: tuple[str, ...], length: int) -> tuple[str, ...]:
    for room in range(length, max(map(len, names)) + 1):
        cuts = shorten, _without_end, _without_start, partial(_without_ends, start=_differ(names, room))
        for cut in cuts:
            short = tuple(cut(name, room) for name in names)
            if len(set(short)) == len(set(names)):
                return short
    return names


def _differ(names: Sequence[str], room: int) -> int:
    """Where the word begins in which names longer than `room` first differ."""
    columns = zip(*(name for name in names if len(name) > room), strict=False)
    same = "".join(letters[0] for letters in takewhile(lambda letters: len(set(letters)) == 1, columns))
    return same.rfind(" ") + 1


def _without_end(name: str, length: int) -> str:
    return name if len(name) <= length else f"{name[: length - 1]}…"


def _without_start(name: str, length: int) -> str:
    return name if len(name) <= length else f"…{name[1 - length :]}"


def _without_ends(name: str, length: int, start: int) -> str:
    return name if len(name) <= length else f"…{name[start : start + length - 2].rstrip()}…"
