"""What the page and the terminal both say of a comparison: names and values as text, with fixed digits."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from fashionlab.common.records import Interval
from fashionlab.common.tables import table_text
from fashionlab.evaluation.metrics import METRICS, headings
from fashionlab.report.facts import seconds
from fashionlab.studies.comparison import Candidate, Comparison, Pair, SeedPair

ALPHA = 0.05

Cell = str | tuple[str, float]  # what is shown, and what to sort by where that is no number


@dataclass(frozen=True)
class Table:
    """Headings and rows; the first `texts` columns are words, the others numbers."""

    headings: list[str]
    rows: Sequence[Sequence[Cell]]
    texts: int = 1

    @property
    def numbers(self) -> list[str]:
        return self.headings[self.texts :]

    @property
    def plain(self) -> list[list[str]]:
        """The rows for a terminal."""
        return [[cell if isinstance(cell, str) else cell[0] for cell in row] for row in self.rows]

    @property
    def cells(self) -> list[list[str | dict[str, Any]]]:
        """The rows for the macro `table`."""
        return [[cell if isinstance(cell, str) else {"text": cell[0], "sort": cell[1]} for cell in row]
                for row in self.rows]

    def __str__(self) -> str:
        return table_text(self.headings, self.plain, right=self.numbers)

    @property
    def html(self) -> str:
        """The table as HTML, for notebooks."""
        lines = [("th", self.headings), *(("td", row) for row in self.plain)]
        rows = ("".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) for tag, row in lines)
        return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"

    def _repr_html_(self) -> str:
        return self.html


@dataclass(frozen=True)
class Measure:
    """A cost of a run. means: what exactly was measured; show: a value as text with its unit; axis: name and unit for
    an axis, whose values are the record's times `factor`."""

    key: str
    name: str
    means: str
    show: Callable[[float], str]
    axis: str
    factor: float = 1.0

    def value(self, candidate: Candidate) -> float | None:
        """As recorded; None where it was not measured."""
        return getattr(candidate.cost, self.key)


def short_count(value: float) -> str:
    """Three digits and a letter: "290 k", "12.3 M", "401"."""
    for limit, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= limit:
            return f"{value / limit:.3g}{letter}" if value < 999.5 * limit else f"{value / limit:,.0f}{letter}"
    return f"{value:.3g}"


def _megabytes(value: float) -> str:
    size = value / 1e6
    digits = 3 if size < 1 else 2 if size < 10 else 1 if size < 100 else 0
    return f"{size:,.{digits}f} MB"


COSTS = (
    Measure("train_seconds", "Training time", "from pictures in memory to final weights, without evaluation", seconds,
            "training time, s"),
    Measure("parameters", "Parameters", "numbers that were learned", short_count, "parameters"),
    Measure("macs", "Multiply-accumulates", "of one forward pass of one picture", short_count, "multiply-accumulates"),
    Measure("weight_bytes", "File size", "the weights as a file", _megabytes, "file size, MB", 1e-6),
    Measure("latency_ms", "Latency", "median time for a single picture", lambda value: f"{value:.2f} ms",
            "latency of one picture, ms"),
    Measure("prediction_images_per_second", "Pictures a second", "judged in batches of 256; more is better",
            short_count, "pictures a second"),
    Measure("peak_bytes", "Memory", "the most that tensors took for a batch of 256, weights not counted", _megabytes,
            "memory, MB", 1e-6),
)


def measured(comparison: Comparison, at_least: int = 1) -> list[Measure]:
    """The costs that at least so many runs have."""
    return [measure for measure in COSTS
            if sum(measure.value(run) is not None for run in comparison.candidates) >= at_least]


def scores(comparison: Comparison) -> Table:
    """A row a run; the columns after temperature scaling only where at least one run has it."""
    scaled = any(run.ece_scaled is not None for run in comparison.candidates)
    columns = ["Run", "Accuracy", "95 % interval", *headings("comparison").values()]
    rows = [[run.label, _percent(run.accuracy.estimate, 2), _range(run.accuracy),
             *(METRICS[name].show(value) for name, value in run.scores.items()),
             *([_digits(run.nll_scaled), _digits(run.ece_scaled)] if scaled else [])] for run in comparison.candidates]
    return Table([*columns, *(["NLL, scaled", "ECE, scaled"] if scaled else [])], rows)


def costs(comparison: Comparison) -> Table:
    """A row a run, a column for each cost that at least one run has."""
    chosen = measured(comparison)
    rows = []
    for candidate in comparison.candidates:
        values = [(measure, measure.value(candidate)) for measure in chosen]
        rows.append([candidate.label,
                     *("-" if value is None else (measure.show(value), value) for measure, value in values)])
    return Table(["Run", *(measure.name for measure in chosen)], rows)


def unmeasured(comparison: Comparison) -> list[str]:
    """The runs whose prediction cost was never measured."""
    return [run.label for run in comparison.candidates if run.cost.latency_ms is None]


def classes(comparison: Comparison, score: str) -> Table:
    """A row a class, a column a run; `score` is "accuracy" or "f1"."""
    show = _percent if score == "accuracy" else _digits
    rows = [[name, _count(comparison.candidates[0].per_class[index].support),
             *(show(getattr(run.per_class[index], score)) for run in comparison.candidates)]
            for index, name in enumerate(comparison.answers.classes)]
    return Table(["Class", "Pictures", *comparison.labels], rows)


def pairs(comparison: Comparison) -> Table:
    """A row a pair of runs, tested on the same pictures."""
    headings = ["First", "Second", "Verdict", "Second - first, points", "95 % interval", "p, Holm", "p",
                "Only first right", "Only second right", "Same answer"]
    rows = [[pair.first, pair.second, conclusion(pair), *_difference(pair.difference),
             (p_value(pair.p_holm), pair.p_holm), (p_value(pair.p), pair.p), _count(pair.only_first),
             _count(pair.only_second), _percent(pair.agreement)] for pair in comparison.pairs]
    return Table(headings, rows, texts=3)


def groups(comparison: Comparison) -> Table:
    """A row a recipe: its runs, seeds and mean accuracy."""
    rows = [[group.name, ", ".join(map(str, group.seeds)), f"{sum(group.accuracies) / len(group.accuracies):.2%}",
             _range(group.mean) if group.mean else "one seed: none"]
            for group in comparison.groups]
    return Table(["Recipe", "Seeds", "Mean accuracy", "95 % interval"], rows, texts=2)


def seed_pairs(comparison: Comparison) -> Table:
    """A row a pair of recipes, tested over the seeds they share."""
    headings = ["First", "Second", "Verdict", "Shared seeds", "Second - first, points", "95 % interval", "p, Holm", "p",
                "Smallest p"]
    rows = [[pair.first, pair.second, conclusion(pair), ", ".join(map(str, pair.seeds)), *_difference(pair.difference),
             p_value(pair.p_holm), p_value(pair.p), p_value(pair.smallest_p)] for pair in comparison.seed_pairs]
    return Table(headings, rows, texts=4)


def recipes(comparison: Comparison) -> Table:
    """A row a recipe key that is not the same in all runs."""
    rows = [[key, *(_plain(value) for value in values)] for key, values in comparison.differing.items()]
    return Table(["Key", *comparison.labels], rows, texts=1 + len(comparison.labels))


def conclusion(pair: Pair | SeedPair) -> str:
    """What may be claimed at 5 % over all pairs."""
    if pair.p_holm >= ALPHA:
        return "undecided"
    return "second is better" if pair.difference.estimate > 0 else "first is better"


def lead(comparison: Comparison) -> str:
    """Who leads, and over how many of the others that is shown."""
    best = max(comparison.candidates, key=lambda run: run.accuracy.estimate)
    mine = [pair for pair in comparison.pairs if best.label in (pair.first, pair.second)]
    beaten = sum(pair.p_holm < ALPHA for pair in mine)
    shown = ("no difference from any other run is shown" if not beaten else
             "it is shown to be better than every other run" if beaten == len(mine) else
             f"it is shown to be better than {beaten} of the {len(mine)} others")
    return (f"{best.label} has the highest accuracy, {best.accuracy.estimate:.2%}. As a trained network on these "
            f"pictures, {shown} (McNemar's exact test, Holm's correction, 5 %).")


def p_value(p: float) -> str:
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def _difference(interval: Interval) -> list[Cell]:
    """In points, with sign, and its interval."""
    return [(f"{100 * interval.estimate:+.2f}", interval.estimate),
            (f"{100 * interval.low:+.2f} to {100 * interval.high:+.2f}", interval.low)]


def _range(interval: Interval) -> Cell:
    return f"{interval.low:.2%} to {interval.high:.2%}", interval.low


def _percent(share: float, digits: int = 1) -> Cell:
    return f"{share:.{digits}%}", share


def _count(value: int) -> Cell:
    return f"{value:,}", value


def _digits(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _plain(value: Any) -> str:
    return "-" if value is None else value if isinstance(value, str) else json.dumps(value)
