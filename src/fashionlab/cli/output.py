"""What every command prints with: results to stdout, the rest to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fashionlab.common.errors import DataError
from fashionlab.common.naming import on_one_line
from fashionlab.common.tables import table_text

if TYPE_CHECKING:
    from fashionlab.deploy.inputs import Unreadable


def print_json(value: Any) -> None:
    """One JSON value on stdout. NaN and infinity are refused: they are no JSON."""
    print(json.dumps(value, indent=2, allow_nan=False))


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> None:
    """A plain table on stdout; the columns named in `right` are right-aligned."""
    print(table_text(header, rows, right))


def warn(message: str) -> None:
    """A warning for the person, on stderr."""
    print(f"warning: {message}", file=sys.stderr)


def complain(unreadable: Sequence[Unreadable], answered: int) -> None:
    """Raise DataError that names what could not be read, if anything, after `answered` others were dealt with."""
    if not unreadable:
        return
    lines = [on_one_line(f"{one.file}: {one.reason}") for one in unreadable]
    if len(lines) == 1:
        raise DataError(lines[0])
    raise DataError("\n".join([f"{len(lines)} of {len(lines) + answered} could not be read:", *lines]))
