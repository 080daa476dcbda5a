"""What a training tells while it runs: a row an epoch in metrics.csv and TensorBoard, and progress for the person."""

from __future__ import annotations

import csv
import io
import sys
import time
from typing import Any, Protocol

from fashionlab.common.files import write_text
from fashionlab.runs.folder import RunFolder

COLUMNS: tuple[str, ...] = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr", "seconds",
                            "images_per_second")

Row = dict[str, float | int | None]


def write_history(run: RunFolder, history: list[Row]) -> None:
    """metrics.csv, whole: one row an epoch; a value that was not measured is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(run.history, text.getvalue())


class TensorBoard:
    """Scalars of every epoch under the run's tensorboard folder. After a resume, later points are replaced."""

    def __init__(self, run: RunFolder, first_epoch: int) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter  # slow to import

        self._writer = SummaryWriter(str(run.tensorboard), purge_step=first_epoch or None)

    def add(self, row: Row) -> None:
        for name in COLUMNS[1:]:
            value = row.get(name)
            if value is not None:
                group, _, rest = name.partition("_")
                tag = f"{rest}/{group}" if group in ("train", "val") else name
                self._writer.add_scalar(tag, value, int(row["epoch"] or 0))
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class Progress(Protocol):
    """How progress is shown."""

    def step(self, epoch: int, done: int, loss: float, rate: float) -> None: ...
    def epoch(self, row: Row) -> None: ...
    def say(self, text: str) -> None: ...
    def close(self) -> None: ...


def progress(epochs: int, steps_per_epoch: int, done: int, quiet: bool) -> Progress:
    """A live bar where stderr is a terminal, a line an epoch elsewhere, nothing if `quiet`.

    done: the steps taken before.
    """
    if quiet:
        return _Silent()
    return _Bar(epochs, steps_per_epoch, done) if sys.stderr.isatty() else _Lines(epochs)


def _describe(row: Row, epochs: int) -> str:
    def show(value: Any, form: str) -> str:
        return "-" if value is None else format(value, form)

    return (f"epoch {row['epoch']:>3}/{epochs}  loss {show(row['train_loss'], '.4f')}  "
            f"train {show(row['train_accuracy'], '.2%')}  val {show(row['val_accuracy'], '.2%')}  "
            f"lr {show(row['lr'], '.3g')}  {show(row['seconds'], '.1f')} s  "
            f"{show(row['images_per_second'], ',.0f')} pictures/s")


class _Silent:
    def step(self, epoch: int, done: int, loss: float, rate: float) -> None: ...
    def epoch(self, row: Row) -> None: ...
    def say(self, text: str) -> None: ...
    def close(self) -> None: ...


class _Lines(_Silent):
    def __init__(self, epochs: int) -> None:
        self._epochs = epochs

    def epoch(self, row: Row) -> None:
        self.say(_describe(row, self._epochs))

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


class _Bar:
    """rich's bar: epoch, step, pictures a second, loss, validation accuracy, time left."""

    def __init__(self, epochs: int, steps_per_epoch: int, done: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._epochs, self._validation, self._shown = epochs, "-", 0.0
        self._bar = RichProgress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True), transient=True,
        )
        self._task = self._bar.add_task("starting", total=epochs * steps_per_epoch, completed=done)
        self._bar.start()

    def step(self, epoch: int, done: int, loss: float, rate: float) -> None:
        if time.monotonic() - self._shown < 0.2:
            return
        self._shown = time.monotonic()
        text = f"epoch {epoch}/{self._epochs}  {rate:,.0f} pictures/s  loss {loss:.3f}  val {self._validation}"
        self._bar.update(self._task, completed=done, description=text)

    def epoch(self, row: Row) -> None:
        if row["val_accuracy"] is not None:
            self._validation = f"{row['val_accuracy']:.2%}"
        self.say(_describe(row, self._epochs))

    def say(self, text: str) -> None:
        self._bar.console.print(text, highlight=False)

    def close(self) -> None:
        self._bar.stop()
