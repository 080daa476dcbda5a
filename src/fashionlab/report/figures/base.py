"""The registry of figures. To add one: a function of ReportInputs in any module of this package, with `@figure`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from fashionlab.common.registry import Registry
from fashionlab.report import style
from fashionlab.report.inputs import ReportInputs
from fashionlab.report.style import Sheet

Section = Literal["training", "results", "calibration", "mistakes", "network", "robustness"]
SECTIONS: tuple[Section, ...] = get_args(Section)

Render = Callable[[ReportInputs], Sheet]
Need = Callable[[ReportInputs], "str | None"]
"""Why a run lacks something that a figure needs, as a sentence without a full stop; None when it is there."""


@dataclass(frozen=True)
class Figure:
    """A figure that can be drawn of a run.

    caption: what is to be seen, for the page and as text for those who cannot see it. order: its rank in its section.
    """

    name: str
    title: str
    section: Section
    order: int
    caption: Callable[[ReportInputs], str]
    needs: tuple[Need, ...]
    render: Render

    def why_not(self, inputs: ReportInputs) -> str | None:
        """The first reason why this run has no such figure; None when it has."""
        return next((reason for need in self.needs if (reason := need(inputs))), None)

    def applicable(self, inputs: ReportInputs) -> bool:
        return self.why_not(inputs) is None

    def draw(self, inputs: ReportInputs) -> Sheet:
        """Raises DataError when a file that it needs is missing or broken."""
        with style.applied():
            return self.render(inputs)


FIGURES: Registry[Figure] = Registry("figure", "fashionlab.report.figures")


def figure(name: str, title: str, section: Section, order: int, caption: Callable[[ReportInputs], str],
           needs: tuple[Need, ...] = ()) -> Callable[[Render], Render]:
    """Register a drawing function under `name`, which is also the name of its files."""

    def add(render: Render) -> Render:
        FIGURES.add(name, Figure(name, title, section, order, caption, needs, render))
        return render

    return add


# What people ask for by a shorter name than its files have.
_SHORT = {"confusion": "confusion_counts"}


def find_figure(name: str) -> Figure:
    """The figure of that name. Raises UsageError with the nearest one for an unknown name."""
    return FIGURES[_SHORT.get(name, name)]


def in_order() -> list[Figure]:
    """All figures in the order of a page."""
    return sorted((FIGURES[name] for name in FIGURES), key=lambda entry: (SECTIONS.index(entry.section), entry.order))


def note(inputs: ReportInputs) -> str:
    """The line under a figure of the judged pictures."""
    return f"{inputs.part} split, n = {len(inputs.predictions.labels):,} pictures · run {inputs.results.name}"


def needs_history(inputs: ReportInputs) -> str | None:
    return None if inputs.results.history else "no epoch was finished"


def needs_metrics(inputs: ReportInputs) -> str | None:
    return None if inputs.results.folder.metrics.is_file() else "the run has not finished training"


def needs_predictions(inputs: ReportInputs) -> str | None:
    folder, choice = inputs.results.folder, " --split val" if inputs.judged == "val" else ""
    return None if folder.predictions(inputs.judged).is_file() else (
        f"the run was never evaluated on the {inputs.part} split (`fashionlab evaluate {folder.path}{choice}` does it)")


def needs_test_split(inputs: ReportInputs) -> str | None:
    """For what `fashionlab evaluate` measures on the test split alone."""
    return None if inputs.judged == "test" else "it is measured on the test split alone"
