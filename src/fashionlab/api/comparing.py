"""Finished runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from fashionlab.api.run import Run, run_paths
from fashionlab.common.arguments import PathLike, as_optional_path, as_path
from fashionlab.report import compare_facts as facts
from fashionlab.report.compare_facts import Table
from fashionlab.report.compare_figures import Chart, charts
from fashionlab.runs.comparable import load_comparable
from fashionlab.runs.results import RunResults
from fashionlab.studies import comparison as comparisons


class Comparison:
    """Runs judged on the same test pictures: scores, costs and tests of every difference.

    result: all numbers. table: the scores, a row a run; prints itself, and is a table in a notebook.
    """

    def __init__(self, runs: Sequence[RunResults], data_dir: Path | None = None) -> None:
        self._runs, self._data_dir = list(runs), data_dir
        self.result = comparisons.compare(self._runs)

    @property
    def table(self) -> Table:
        return facts.scores(self.result)

    @property
    def pairs(self) -> tuple[comparisons.Pair, ...]:
        """Each pair of runs: the difference in accuracy with its interval, and McNemar's exact test."""
        return tuple(self.result.pairs)

    @cached_property
    def charts(self) -> dict[str, list[Chart]]:
        """The figures of the page, by its sections; each has a title, a caption and a `sheet` of matplotlib."""
        drawn = charts(self.result)
        for chart in (chart for section in drawn.values() for chart in section):
            chart.sheet.caption = chart.caption
        return drawn

    def default_page(self) -> Path:
        """Where the page goes if nobody says: beside the first run."""
        from fashionlab.report.compare_page import default_page

        return default_page(self._runs)

    def page(self, path: PathLike | None = None) -> Path:
        """Write the HTML page with charts and the pictures on which the runs disagree; returns its path.

        Raises UsageError where something else stands at `path`.
        """
        from fashionlab.report.compare_page import write_page

        target = self.default_page() if path is None else as_path(path, "path")
        write_page(self.result, self._runs, target, data_dir=self._data_dir)
        return target

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values, fit for JSON."""
        return self.result.summary()

    def __repr__(self) -> str:
        return f"Comparison of {', '.join(self.result.labels)}\n{self.table}"

    def _repr_html_(self) -> str:
        return self.table.html


def compare(runs: Sequence[Run | PathLike], *, data_dir: PathLike | None = None) -> Comparison:
    """Compare two or more finished runs on the same test pictures.

    Raises UsageError for fewer than two or one named twice, DataError for runs that are not finished or were trained or
    judged on different data: the message names what differs.
    """
    return Comparison(load_comparable(run_paths(runs, "runs")), as_optional_path(data_dir, "data_dir"))
