"""How the person follows a study: one display for all its runs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Standing:
    """How a study stands. running: epochs done and to do, by run. seconds_left: None while nothing is known."""

    planned: int
    complete: int
    failed: int
    running: dict[str, tuple[int, int]]
    seconds_left: float | None

    def __str__(self) -> str:
        left = f", {duration(self.seconds_left)} left" if self.seconds_left else ""
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.complete + self.failed} of {self.planned} runs{failed}{left}"


def duration(seconds: float) -> str:
    """About how long, for people: 45 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class Progress(Protocol):
    """How progress is shown."""

    def update(self, standing: Standing) -> None: ...
    def finished(self, line: str, standing: Standing) -> None: ...
    def close(self) -> None: ...


def progress(planned: int, quiet: bool) -> Progress:
    """Live bars where stderr is a terminal, a line a finished run elsewhere, nothing if `quiet`."""
    if quiet:
        return _Silent()
    return _Bars(planned) if sys.stderr.isatty() else _Lines()


class _Silent:
    def update(self, standing: Standing) -> None: ...
    def finished(self, line: str, standing: Standing) -> None: ...
    def close(self) -> None: ...


class _Lines(_Silent):
    def finished(self, line: str, standing: Standing) -> None:
        print(f"{line}  ({standing})", file=sys.stderr, flush=True)


class _Bars:
    """rich's bars: one for the study, one for each run in training."""

    def __init__(self, planned: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(TextColumn("{task.description}"), BarColumn(bar_width=24),
                                  TextColumn("{task.fields[note]}"), TimeElapsedColumn(),
                                  console=Console(stderr=True), transient=True)
        self._study = self._bars.add_task("study", total=planned, note="")
        self._runs = {}
        self._bars.start()

    def update(self, standing: Standing) -> None:
        self._bars.update(self._study, completed=standing.complete + standing.failed, note=str(standing))
        for name in [name for name in self._runs if name not in standing.running]:
            self._bars.remove_task(self._runs.pop(name))
        for name, (epoch, epochs) in standing.running.items():
            if name not in self._runs:
                self._runs[name] = self._bars.add_task(name, total=epochs, note="")
            self._bars.update(self._runs[name], completed=epoch, note=f"epoch {min(epoch + 1, epochs)} of {epochs}")

    def finished(self, line: str, standing: Standing) -> None:
        self._bars.console.print(line, highlight=False, markup=False)
        self.update(standing)

    def close(self) -> None:
        self._bars.stop()
