"""Every figure of a run, by name, and `draw_all`, which writes them into the run's folder.

A figure is a function of ReportInputs registered with `@figure` in a module of this package; the contract tests and the
report find it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.pool import Pool
from pathlib import Path

from fashionlab.common.errors import DataError
from fashionlab.report import style
from fashionlab.report.figures.base import FIGURES, Figure, find_figure, in_order
from fashionlab.report.figures.drawn import drawn_from, keep, still_good
from fashionlab.report.inputs import ReportInputs
from fashionlab.runs.results import load_results

__all__ = ["FIGURES", "DrawnFigure", "Figure", "Gallery", "draw_all", "find_figure"]


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
             formats: Sequence[style.Format] = ("png", "svg"), helper: Pool | None = None) -> Gallery:
    """Draw every figure that the run has into `folder` (default: the run's figures/), each file atomically.

    One that is there, drawn by this very code from the run as it stands, is not drawn again. A figure whose pictures,
    weights or files are missing or broken is left out with the reason. helper: another process, which draws some of
    them meanwhile, from the last one on: threads do not make Python code faster.
    """
    folder = folder or inputs.results.folder.path / "figures"
    where = inputs.results.folder.path, inputs.data_dir, inputs.device
    source = drawn_from(inputs.results.folder)
    ready: dict[str, DrawnFigure | str] = {
        name: _on_disk(FIGURES[name], kept.caption, folder, formats)
        for name, kept in still_good(folder, source, formats).items() if name in FIGURES}
    left, elsewhere = deque(entry for entry in in_order() if entry.name not in ready), {}
    while left:
        # One that it draws and one that waits: what it is given cannot be taken back.
        if helper and sum(not task.ready() for task in elsewhere.values()) < 2:
            entry = left.pop()
            elsewhere[entry.name] = helper.apply_async(_draw_elsewhere, (entry.name, where, folder, formats))
        else:
            entry = left.popleft()
            ready[entry.name] = _draw(entry, inputs, folder, formats)
    gallery = Gallery([], {})
    for entry in in_order():
        drawn = ready[entry.name] if entry.name in ready else elsewhere[entry.name].get()
        if isinstance(drawn, DrawnFigure):
            gallery.drawn.append(drawn)
        else:
            gallery.left_out[entry.name] = entry.title, drawn
    keep(folder, source, {figure.name: figure.caption for figure in gallery.drawn}, formats)
    return gallery


def _draw(entry: Figure, inputs: ReportInputs, folder: Path, formats: Sequence[style.Format]) -> DrawnFigure | str:
    """The figure, or why there is none."""
    try:
        reason = entry.why_not(inputs)
        if reason is not None:
            return reason
        sheet = entry.draw(inputs)
        caption = entry.caption(inputs)
    except DataError as error:
        return str(error)
    drawn = _on_disk(entry, caption, folder, formats)
    for kind, path in drawn.files.items():
        style.save(sheet, path, kind)
    return drawn


def _on_disk(entry: Figure, caption: str, folder: Path, formats: Sequence[style.Format]) -> DrawnFigure:
    return DrawnFigure(entry.name, entry.title, entry.section, caption,
                       {kind: folder / f"{entry.name}.{kind}" for kind in formats})


def _draw_elsewhere(name: str, where: tuple[Path, Path | None, str], folder: Path,
                    formats: Sequence[style.Format]) -> DrawnFigure | str:
    return _draw(FIGURES[name], _inputs(*where), folder, formats)


@cache
def _inputs(run: Path, data_dir: Path | None, device: str) -> ReportInputs:
    """Read once for all figures that a helping process draws."""
    return ReportInputs(load_results(run), data_dir, device)
