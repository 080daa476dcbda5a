"""Every figure of a run, by name, and `draw_all`, which writes them into the run's folder.

A figure is a function of ReportInputs registered with `@figure` in a module of this package; the contract tests and the
report find it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fashionlab.errors import DataError
from fashionlab.report import style
from fashionlab.report.figures.base import FIGURES, Figure, in_order
from fashionlab.report.inputs import ReportInputs

__all__ = ["FIGURES", "DrawnFigure", "Figure", "Gallery", "draw_all"]


@dataclass(frozen=True)
class DrawnFigure:
    """A figure on disk. caption: also its text for those who cannot see it. files: by format."""

    name: str
    title: str
    section: str
    caption: str
    files: dict[style.Format, Path]


@dataclass(frozen=True)
class Gallery:
    """What `draw_all` did, in the order of a page. left_out: title and reason by name."""

    drawn: list[DrawnFigure]
    left_out: dict[str, tuple[str, str]]


def draw_all(inputs: ReportInputs, folder: Path | None = None,
             formats: Sequence[style.Format] = ("png", "svg")) -> Gallery:
    """Draw every figure that the run has into `folder` (default: the run's figures/), each file atomically.

    A figure whose pictures, weights or files are missing or broken is left out with the reason.
    """
    folder = folder or inputs.results.folder.path / "figures"
    gallery = Gallery([], {})
    for entry in in_order():
        try:
            reason = entry.why_not(inputs)
            if reason is None:
                gallery.drawn.append(_draw(entry, inputs, folder, formats))
                continue
        except DataError as error:
            reason = str(error)
        gallery.left_out[entry.name] = entry.title, reason
    return gallery


def _draw(entry: Figure, inputs: ReportInputs, folder: Path, formats: Sequence[style.Format]) -> DrawnFigure:
    sheet = entry.draw(inputs)
    files: dict[style.Format, Path] = {kind: folder / f"{entry.name}.{kind}" for kind in formats}
    for kind, path in files.items():
        style.save(sheet, path, kind)
    return DrawnFigure(entry.name, entry.title, entry.section, entry.caption(inputs), files)
