"""Figures of what benchmarks measured, for README and docs/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import Bbox

from fashionlab.report import style
from fashionlab.report.style import Sheet


@dataclass(frozen=True)
class Point:
    """A recipe's mean test accuracy in percent with its 95 % interval (None: too few seeds) and training seconds."""

    name: str
    kind: Literal["ours", "reference", "plain"]
    accuracy: float
    interval: tuple[float, float] | None
    seconds: float
    n: int


_KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "ours": ("fashionlab", {"color": style.BLUE, "marker": "o"}),
    "reference": ("reference systems, trained by fashionlab", {"color": style.ORANGE, "marker": "s"}),
    "plain": ("the same, trained the plain way", {"color": style.VERMILLION, "marker": "X"}),
}
_TIMES = {10: "10 s", 30: "30 s", 60: "1 min", 120: "2 min", 300: "5 min", 600: "10 min",
          1800: "30 min", 3600: "1 h", 7200: "2 h", 14400: "4 h"}


def accuracy_against_time(points: Sequence[Point], lowest: float, note: str) -> Sheet:
    """Test accuracy against training time, our recipes and the reference systems; what is below `lowest` percent stands
    at the lower edge with its figure, so that the rest can be told apart."""
    with style.applied():
        sheet = style.sheet(7.2, 4.6, "Test accuracy against training time", note)
        axes = sheet.add_subplot()
        axes.set_xscale("log")
        for point in points:
            looks = dict(_KINDS[point.kind][1])
            if point.accuracy < lowest:
                looks["marker"] = "v"
            elif point.interval is not None:
                axes.plot([point.seconds] * 2, point.interval, color=looks["color"], linewidth=1.4)
            if point.kind == "plain":
                faster = next(other.seconds for other in points if other.name == point.name and other is not point)
                axes.plot([faster, point.seconds], [point.accuracy] * 2, color=style.GRID, linewidth=1.4, zorder=1)
            axes.plot(point.seconds, max(lowest, point.accuracy), markersize=7, linestyle="none", clip_on=False,
                      **looks)
        for label, looks in _KINDS.values():
            axes.plot([], [], linestyle="none", label=label, **looks)
        axes.legend(loc="lower right")
        times = [point.seconds for point in points]
        axes.set_xlim(min(times) / 1.8, max(times) * 1.8)
        axes.set_ylim(lowest - 0.4, max(point.accuracy for point in points) + 1.2)
        axes.xaxis.set_major_locator(FixedLocator(list(_TIMES)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _TIMES.get(round(value), "")))
        _write_names(axes, points, lowest)  # where they are free of one another depends on the limits
        axes.set_xlabel("training time of a run, mean over seeds (logarithmic)")
        axes.set_ylabel("test accuracy, %")
    return sheet


def _write_names(axes: Axes, points: Sequence[Point], lowest: float) -> None:
    """Each name above its interval (of a system, above its faster training); where it is too low, beside its mark.
    Where it would meet a name or a mark, it stands below, right or left of its own: the later ones, ours, are shorter.
    """
    marks = axes.transData.transform([(point.seconds, max(lowest, point.accuracy)) for point in points])
    radius = 4 * axes.figure.dpi / 72  # a little more than a mark's, in pixels
    taken = [Bbox([mark - radius, mark + radius]) for mark in marks]
    for point in sorted(points, key=lambda point: point.kind == "ours"):
        if point.accuracy < lowest:
            axes.annotate(f"{point.name} {point.accuracy:.1f}", (point.seconds, lowest), xytext=(9, 0),
                          textcoords="offset points", va="center", fontsize=9)
        elif point.kind != "plain":
            ends = (point.accuracy, *(point.interval or ()))
            positions = ((max(ends), (0, 6), "center", "bottom"), (min(ends), (0, -7), "center", "top"),
                         (point.accuracy, (8, 0), "left", "center"), (point.accuracy, (-8, 0), "right", "center"))
            for height, offset, side, edge in positions:
                name = axes.annotate(point.name, (point.seconds, height), xytext=offset, textcoords="offset points",
                                     ha=side, va=edge, fontsize=9)
                box = name.get_window_extent()
                if side == "right" or not box.count_overlaps(taken):
                    taken.append(box)
                    break
                name.remove()


def growth(measured: Mapping[str, Any]) -> Sheet:
    """Time against pictures, against arithmetic, against threads, and memory against batch."""
    with style.applied():
        note = (f"{measured['cores']} cores of {measured['machine']['processor']}, {measured['precision']}, "
                f"{measured['steps']} steps a figure (pictures: an epoch)")
        sheet = style.sheet(8.6, 6.2, f"What training {measured['recipe']} costs", note)
        panels = sheet.subplots(2, 2)
        rows = measured["pictures"]
        _line(panels[0, 0], [row["pictures"] / 1000 for row in rows], [row["seconds"] for row in rows],
              "pictures, thousands", "seconds of an epoch")
        rows = measured["widths"]
        arithmetic, pace = [row["macs"] / 1e6 for row in rows], [1000 / row["pictures_per_second"] for row in rows]
        _line(panels[0, 1], arithmetic, pace, "million multiply-accumulates a picture", "ms a picture")
        for row, x, y in zip(rows, arithmetic, pace, strict=True):
            offset, side = ((8, -9), "left") if x < max(arithmetic) / 2 else ((-5, 7), "right")
            panels[0, 1].annotate(f"{row['share_of_peak']:.0%} of peak", (x, y), xytext=offset, ha=side,
                                  textcoords="offset points", fontsize=8.5, color=style.FAINT)
        rows = measured["threads"]
        panels[1, 0].bar([str(row["threads"]) for row in rows], [row["pictures_per_second"] for row in rows],
                         color=style.BLUE, width=0.5)
        panels[1, 0].set(xlabel="threads", ylabel="pictures a second")
        panels[1, 0].grid(visible=False, axis="x")
        rows = measured["batches"]
        _line(panels[1, 1], [row["batch"] for row in rows], [row["peak_mib"] / 1024 for row in rows], "batch size",
              "memory of the process, GiB")
    return sheet


def _line(axes: Axes, x: Sequence[float], y: Sequence[float], across: str, up: str) -> None:
    axes.plot(x, y, color=style.BLUE, marker="o")
    axes.set(xlabel=across, ylabel=up, xlim=(0, None), ylim=(0, 1.1 * max(y)))
