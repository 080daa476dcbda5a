"""How every figure looks: colours, lines, type, the line that names split and n, and how it is written.

Colours are those of Okabe and Ito (2008), told apart by all kinds of colour vision; yellow is left out because it
vanishes on white paper. Ten classes need more than hue: lines differ in dashes and markers too, and carry their names.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from fashionlab.common.files import replacing
from fashionlab.preparation.files import to_image
from fashionlab.preparation.ways.letterbox import fit

BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, BLACK = "#56B4E9", "#CC79A7", "#000000"
INK, FAINT, GRID = "#1a1a1a", "#5c5c5c", "#d9d9d9"
RIGHT, WRONG = BLUE, VERMILLION

_HUES = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, BLACK)
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 2, 1, 2)))
_MARKERS = ("o", "s", "^", "v", "D", "P", "X", "<", ">", "*", "p")

_SETTINGS: Any = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 10,
    "axes.titlesize": 10.5, "axes.labelsize": 10, "axes.labelcolor": INK, "axes.edgecolor": FAINT,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
    "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.6,
    "xtick.color": INK, "ytick.color": INK, "xtick.labelsize": 9, "ytick.labelsize": 9,
    "text.hinting": "none", "text.color": INK, "text.parse_math": False,  # a class may be called "5$ shirt$"
    "legend.frameon": False, "legend.fontsize": 9, "lines.linewidth": 1.7,
    "image.composite_image": False,
    "figure.facecolor": "white", "figure.dpi": 150, "savefig.dpi": "figure",
    "svg.fonttype": "none", "svg.hashsalt": "fashionlab",
}

Format = Literal["png", "svg"]


@contextlib.contextmanager
def applied() -> Iterator[None]:
    """The block draws in this style. Class names in letters that the font lacks are shown as boxes in the PNG (the
    SVG leaves them to the reader's fonts), which is no reason for a warning."""
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


class Sheet(Figure):
    """matplotlib's figure, which keeps this style when it is saved or shown later, as in a notebook.

    caption: what is to be seen, also as text for those who cannot see it; empty where nobody said.
    """

    caption: str = ""

    def savefig(self, *arguments: Any, **options: Any) -> None:
        with applied():
            super().savefig(*arguments, **options)

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=90)
        return stream.getvalue()


def sheet(width: float, height: float, title: str, note: str, layout: str | None = "constrained") -> Sheet:
    """An empty figure of `width` x `height` inches with its title above and `note` (split, n, run) below."""
    figure = Sheet(figsize=(width, height), layout=layout)  # type: ignore[arg-type]
    figure.suptitle(title, x=0.012, ha="left", fontsize=12.5, fontweight="bold")
    figure.supxlabel(note, x=0.012, ha="left", fontsize=8.5, color=FAINT)
    return figure


def save(figure: Figure, path: Path, kind: Format) -> None:
    """Write `figure` atomically; the same figure gives the same bytes."""
    # The fastest compression: drawing is what one waits for, and these pictures stay small.
    options: Any = {"metadata": {"Date": None}} if kind == "svg" else {"pil_kwargs": {"compress_level": 1}}
    with applied(), replacing(path) as temporary:
        _lay_out(figure)
        figure.savefig(temporary, format=kind, **options)


def _lay_out(figure: Figure) -> None:
    """Place what is in `figure` for good. Left to `savefig`, it is done for each format, with a whole drawing before
    each, which takes as long as the drawing itself."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def class_style(label: int) -> dict[str, Any]:
    """Line properties of a class: hue and dashes; no two of the first 28 classes share both."""
    return {"color": _HUES[label % len(_HUES)], "linestyle": _DASHES[label % len(_DASHES)]}


def class_marker(label: int) -> dict[str, Any]:
    """Marker properties of a class: hue and shape; no two of the first 77 classes share both."""
    return {"color": _HUES[label % len(_HUES)], "marker": _MARKERS[label % len(_MARKERS)]}


def percent(share: float, digits: int = 1) -> str:
    """``12.3 %``"""
    return f"{100 * share:.{digits}f} %"


def integer_ticks(axes: Axes, axis: Literal["x", "y"] = "x") -> None:
    """Whole numbers only on `axis`."""
    from matplotlib.ticker import MaxNLocator

    (axes.xaxis if axis == "x" else axes.yaxis).set_major_locator(MaxNLocator(integer=True, nbins=10, min_n_ticks=1))


def tile(picture: np.ndarray, size: int) -> np.ndarray:
    """uint8 [size, size, 3] of a uint8 [C, H, W] picture; small ones are enlarged in whole steps, so that their pixels
    stay visible, and the rest is white."""
    factor = size // max(picture.shape[1:])
    if factor < 1:
        return np.asarray(fit(to_image(picture).convert("RGB"), size, size))
    large = np.asarray(to_image(picture.repeat(factor, axis=1).repeat(factor, axis=2)).convert("RGB"))
    canvas = Image.new("RGB", (size, size), "white")
    canvas.paste(Image.fromarray(large), ((size - large.shape[1]) // 2, (size - large.shape[0]) // 2))
    return np.asarray(canvas)
