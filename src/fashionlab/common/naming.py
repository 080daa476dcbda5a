"""Names in messages: a few of many, and none that breaks its line."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_NAMED = 10


def some_of(names: Sequence[str]) -> str:
    """The first ten, and how many more there are."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def on_one_line(text: str) -> str:
    """Control characters and bytes that are no text, as file names may have them, written as Python writes them."""
    return "".join(repr(one)[1:-1] if unicodedata.category(one) in ("Cc", "Cs") else one for one in text)
