"""What a training writes down of every epoch: a row in metrics.csv and scalars for TensorBoard."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fashionlab.common.files import write_text
from fashionlab.runs.folder import RunFolder

COLUMNS: tuple[str, ...] = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr", "seconds",
                            "images_per_second")

Row = dict[str, float | int | None]


@dataclass(frozen=True)
class Epoch:
    """A finished epoch, counted from 1.

    Losses are means over the pictures, accuracies shares of them; training ones are of the steps as they were made, so
    with augmentation and dropout, and validation ones are None where no pictures are held out. lr: of the last step.
    seconds: of the steps, without validation; data_seconds: the part of them that went into preparing batches.
    pictures: how many were trained on; images_per_second: those over `seconds`.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    lr: float
    seconds: float
    images_per_second: float
    data_seconds: float
    pictures: int

    @staticmethod
    def of(row: Mapping[str, Any]) -> Epoch:
        """The epoch that `row` gave."""
        return Epoch(**row)

    @property
    def validation(self) -> dict[str, float]:
        """The validation metrics by name; empty without a validation split."""
        metrics = {"val_loss": self.val_loss, "val_accuracy": self.val_accuracy}
        return {name: value for name, value in metrics.items() if value is not None}

    def row(self) -> Row:
        """Plain values by name, as metrics.json and the checkpoint keep them."""
        return asdict(self)


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

    def add(self, epoch: Epoch) -> None:
        row = epoch.row()
        for name in COLUMNS[1:]:
            value = row[name]
            if value is not None:
                group, _, rest = name.partition("_")
                tag = f"{rest}/{group}" if group in ("train", "val") else name
                self._writer.add_scalar(tag, value, epoch.epoch)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()
