"""How far a long job is, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fashionlab.common.naming import on_one_line

_WORTH_A_LINE = 5000  # a log is not told about jobs that take a moment


def note(message: str) -> None:
    """One line on stderr."""
    print(on_one_line(message), file=sys.stderr, flush=True)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function that is told how many more are done; draws a bar, or one line where stderr is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        if total >= _WORTH_A_LINE:
            note(f"{what}: {total:,}")
        yield lambda done: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Not redirected: rich would send what is printed to stdout meanwhile to the bar's console, which is stderr.
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)
