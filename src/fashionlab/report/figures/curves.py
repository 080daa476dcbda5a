"""How training went: accuracy and loss over the epochs, plain and with what happened when, and the learning rate."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from fashionlab.report import style
from fashionlab.report.figures.base import figure, needs_history, needs_metrics
from fashionlab.report.inputs import ReportInputs
from fashionlab.report.style import Sheet
from fashionlab.report.timeline import Event, events, learning_rates

_LINES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("train", "training, augmented", {"color": style.ORANGE, "marker": "s", "linestyle": (0, (4, 1.5))}),
    ("val", "validation", {"color": style.BLUE, "marker": "o", "linestyle": "-"}),
)


def _column(inputs: ReportInputs, name: str) -> np.ndarray:
    """float64 [E] of metrics.csv, NaN where nothing was measured."""
    return np.array([row[name] for row in inputs.results.history], dtype=np.float64)


def _note(inputs: ReportInputs) -> str:
    data = inputs.results.environment["data"]
    held_out = f"validation n = {data['validation']:,} pictures" if data["validation"] else "no validation split"
    smoothing = inputs.results.recipe.loss.label_smoothing
    smoothed = f" · training loss with label smoothing {smoothing:g}" if smoothing else ""
    return f"training split n = {data['train']:,}, {held_out}{smoothed} · run {inputs.results.name}"


def _caption(inputs: ReportInputs) -> str:
    accuracy, validation = _column(inputs, "train_accuracy"), _column(inputs, "val_accuracy")
    when = f"after each of {len(accuracy)} epochs" if len(accuracy) > 1 else "after the only epoch"
    text = (f"Accuracy and loss {when}. Training accuracy, on the augmented pictures of each epoch while the weights "
            f"still moved, ends at {style.percent(accuracy[-1], 2)}")
    return text + (f", validation accuracy at {style.percent(validation[-1], 2)}." if _measured(validation) else ".")


def _measured(values: np.ndarray) -> bool:
    return bool(np.isfinite(values).any())


def _panels(inputs: ReportInputs, title: str, height: float) -> tuple[Sheet, Axes, Axes]:
    sheet = style.sheet(9.5, height, title, _note(inputs))
    accuracy, loss = sheet.subplots(1, 2)
    epochs = _column(inputs, "epoch")
    for axes, quantity, factor in ((accuracy, "accuracy", 100), (loss, "loss", 1)):
        for split, label, line in _LINES:
            values = factor * _column(inputs, f"{split}_{quantity}")
            if _measured(values):
                axes.plot(epochs, values, label=label, markersize=4 if len(epochs) <= 40 else 0, **line)
        axes.set_xlabel("epoch")
        axes.set_xlim(min(0.5, epochs[0] - 0.5), epochs[-1] + 0.5)
        style.integer_ticks(axes)
        axes.legend(loc="best")
    accuracy.set_ylabel("accuracy, %")
    loss.set_ylabel("loss (cross-entropy), nats")
    return sheet, accuracy, loss


@figure("curves", "Accuracy and loss", "training", 10, _caption, (needs_history,))
def draw(inputs: ReportInputs) -> Sheet:
    return _panels(inputs, "Accuracy and loss by epoch", 4.0)[0]


# Annotated -------------------------------------------------------------------------------------------------------


def _happenings(inputs: ReportInputs) -> list[Event]:
    marks = events(inputs, learning_rates(inputs))
    best = inputs.results.metrics.best_epoch
    if best is not None:
        row = next(row for row in inputs.results.history if row["epoch"] == best)
        marks.append(Event(best, f"best epoch, validation {style.percent(row['val_accuracy'] or 0, 2)}"))
    return sorted(marks, key=lambda event: event.epoch)


def _annotated_caption(inputs: ReportInputs) -> str:
    listed = "; ".join(map(str, _happenings(inputs)))
    return f"The same curves with what happened when: {listed or 'nothing out of the ordinary'}."


@figure("curves_annotated", "Accuracy and loss, annotated", "training", 11, _annotated_caption,
        (needs_history, needs_metrics))
def draw_annotated(inputs: ReportInputs) -> Sheet:
    happenings = _happenings(inputs)
    sheet, accuracy, loss = _panels(inputs, "Accuracy and loss by epoch, with what happened when",
                                    4.0 + 0.21 * len(happenings))
    for axes in (accuracy, loss):
        low, high = axes.get_xlim()
        axes.set_xlim(min(low, *(event.epoch - 0.3 for event in happenings), low), high)
        for number, event in enumerate(happenings, start=1):
            axes.axvline(event.epoch, color=style.FAINT, linewidth=1, linestyle=(0, (2, 2)), zorder=0)
            axes.annotate(str(number), (event.epoch, 1.0), xycoords=("data", "axes fraction"),
                          xytext=(0, 3 + 13 * _crowd(happenings, number - 1, high - low)), textcoords="offset points",
                          ha="center", fontsize=8, fontweight="bold", color="white",
                          bbox={"boxstyle": "circle,pad=0.18", "facecolor": style.INK, "edgecolor": "none"})
    listed = "\n".join(f"{number}  {event}" for number, event in enumerate(happenings, start=1))
    sheet.supxlabel(f"{listed}\n{_note(inputs)}" if listed else _note(inputs), x=0.012, ha="left", fontsize=8.5,
                    color=style.INK)
    return sheet


def _crowd(happenings: list[Event], index: int, width: float) -> int:
    """How many events just before this one stand so near that their numbers would overlap."""
    count = 0
    epoch = happenings[index].epoch
    while index - count > 0 and epoch - happenings[index - count - 1].epoch < 0.05 * width * (count + 1):
        count += 1
    return count


# The learning rate -----------------------------------------------------------------------------------------------


def _rate_caption(inputs: ReportInputs) -> str:
    rates = learning_rates(inputs).rates
    return (f"Learning rate at each of {len(rates):,} steps (schedule {inputs.results.recipe.schedule.name}): it "
            f"starts at {rates[0]:.3g}, is highest at {rates.max():.3g} in step {rates.argmax() + 1:,} and ends at "
            f"{rates[-1]:.3g}.")


@figure("learning_rate", "Learning rate", "training", 20, _rate_caption, (needs_history, needs_metrics))
def draw_learning_rate(inputs: ReportInputs) -> Sheet:
    rates = learning_rates(inputs)
    recipe = inputs.results.recipe
    sheet = style.sheet(7.5, 3.4, f"Learning rate by step: {recipe.schedule.name} schedule, {recipe.optimizer.name}",
                        f"{len(rates.rates):,} steps of {recipe.batch_size:,} pictures, {rates.steps_per_epoch:,} an "
                        f"epoch; training split n = {inputs.results.environment['data']['train']:,} "
                        f"· run {inputs.results.name}")
    axes = sheet.add_subplot()
    axes.plot(np.arange(1, len(rates.rates) + 1), rates.rates, color=style.BLUE, label="schedule")
    ends = _column(inputs, "epoch") * rates.steps_per_epoch
    axes.plot(ends, _column(inputs, "lr"), linestyle="none", marker="o", markersize=4, color=style.VERMILLION,
              label="recorded in metrics.csv at the end of an epoch")
    axes.set_xlabel("step")
    axes.set_ylabel("learning rate")
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return sheet
