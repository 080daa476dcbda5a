"""What pages are written with: the results, tables, and where a figure was measured."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def read(name: str) -> dict[str, Any]:
    """results/NAME.json"""
    return json.loads((ROOT / "results" / f"{name}.json").read_text(encoding="utf-8"))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """In Markdown, with an empty line after it."""
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (header, ["---"] * len(header), *rows)) + "\n\n"


def cores(result: dict[str, Any]) -> str:
    """The machine of a measurement."""
    machine = result["machine"]
    units = " with AMX" if "amx_bf16" in machine["features"] else ""
    return f"{machine['cores']} cores of an {machine['processor']}{units}"


def where(result: dict[str, Any]) -> str:
    """The command and the machine of a measurement."""
    return f"`{result['command']}` on {cores(result)}"
