"""How a training is shown to a person while it runs. The loop is handed one of these; by itself it shows nothing."""

from __future__ import annotations

import sys
import time
from typing import Any

from fashionlab.training.logs import Epoch


class Progress:
    """Shows nothing; what shows something replaces the methods that it needs."""

    def begin(self, epochs: int, steps_per_epoch: int, done: int) -> None:
        """Before the first step. done: steps of earlier sessions."""

    def step(self, epoch: int, done: int, loss: float, rate: float) -> None:
        """After every step. epoch: counts from 1; done: steps so far; rate: pictures a second in this epoch."""

    def end_epoch(self, epoch: Epoch) -> None:
        """After every epoch and its checkpoint."""

    def say(self, text: str) -> None:
        """A line on what takes a while."""

    def close(self) -> None:
        """Training ended, however it did."""


def on_stderr() -> Progress:
    """A live bar where stderr is a terminal, a line an epoch elsewhere."""
    return Bar() if sys.stderr.isatty() else Lines()


class Lines(Progress):
    """A line an epoch on stderr."""

    def __init__(self) -> None:
        self._epochs = 0

    def begin(self, epochs: int, steps_per_epoch: int, done: int) -> None:
        self._epochs = epochs

    def end_epoch(self, epoch: Epoch) -> None:
        self.say(_describe(epoch, self._epochs))

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


class Bar(Progress):
    """rich's bar on stderr: epoch, step, pictures a second, loss, validation accuracy, time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._epochs, self._validation, self._shown = 0, "-", 0.0
        self._bar = RichProgress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True), transient=True,
        )

    def begin(self, epochs: int, steps_per_epoch: int, done: int) -> None:
        self._epochs = epochs
        self._task = self._bar.add_task("starting", total=epochs * steps_per_epoch, completed=done)
        self._bar.start()

    def step(self, epoch: int, done: int, loss: float, rate: float) -> None:
        if time.monotonic() - self._shown < 0.2:
            return
        self._shown = time.monotonic()
        text = f"epoch {epoch}/{self._epochs}  {rate:,.0f} pictures/s  loss {loss:.3f}  val {self._validation}"
        self._bar.update(self._task, completed=done, description=text)

    def end_epoch(self, epoch: Epoch) -> None:
        if epoch.val_accuracy is not None:
            self._validation = f"{epoch.val_accuracy:.2%}"
        self.say(_describe(epoch, self._epochs))

    def say(self, text: str) -> None:
        self._bar.console.print(text, highlight=False)

    def close(self) -> None:
        self._bar.stop()


def _describe(epoch: Epoch, epochs: int) -> str:
    def show(value: Any, form: str) -> str:
        return "-" if value is None else format(value, form)

    return (f"epoch {epoch.epoch:>3}/{epochs}  loss {epoch.train_loss:.4f}  train {epoch.train_accuracy:.2%}  "
            f"val {show(epoch.val_accuracy, '.2%')}  lr {epoch.lr:.3g}  {epoch.seconds:.1f} s  "
            f"{epoch.images_per_second:,.0f} pictures/s")
