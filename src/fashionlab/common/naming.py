"""Names in messages: a few of many, and none that breaks its line."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def some_of(names: Sequence[str], most: int = 10) -> str:
    """The first of them, at most so many, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def on_one_line(text: str) -> str:
    """Control characters and bytes that are no text, as file names may have them, written as Python writes them."""
    return "".join(repr(one)[1:-1] if unicodedata.category(one) in ("Cc", "Cs") else one for one in text)
