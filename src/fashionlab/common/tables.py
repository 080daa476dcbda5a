"""Plain tables as text, for terminals."""

from __future__ import annotations

from collections.abc import Sequence

from fashionlab.common.naming import on_one_line


def table_text(header: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> str:
    """Header and rows in columns; those named in `right` are right-aligned. A row is a line, whatever is in it."""
    cells = [[on_one_line(str(cell)) for cell in row] for row in [list(header), *map(list, rows)]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = ("  ".join(cell.rjust(width) if name in right else cell.ljust(width)
                       for cell, width, name in zip(row, widths, header, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)
