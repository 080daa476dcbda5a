"""The figures of a study, narrow enough to be read on a phone. Names stand above their rows: no name is too long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from fashionlab.report import style
from fashionlab.report.names import shorten
from fashionlab.report.style import Sheet
from fashionlab.studies.wording import interval, smallest, value_unit, word

_WIDTH, _ROW = 4.9, 0.62  # inches
_NAME = 26  # characters of an arm's name

# Told apart by shape as well as by hue.
_MARKS: dict[str, dict[str, Any]] = {
    "better": {"color": style.BLUE, "marker": "^"},
    "worse": {"color": style.VERMILLION, "marker": "v"},
    "equivalent": {"color": style.GREEN, "marker": "D"},
    "undecided": {"color": style.FAINT, "marker": "o"},
}


def differences(results: dict[str, Any]) -> Sheet:
    """A forest plot: each arm's mean paired difference with its interval, the seeds as ticks, and the band that does
    not matter."""
    arms, scale = results["arms"], results["scale"]
    with style.applied():
        sheet = style.sheet(_WIDTH, 1.6 + _ROW * len(arms), "Difference from the baseline",
                            f"n = {len(results['seeds'])} seeds, paired · {results['level']:.0%} t interval\n"
                            f"{results['title']} · study {shorten(results['study'], 24)}")
        axes = sheet.add_subplot()
        margin = results["smallest_difference"] * scale
        axes.axvspan(-margin, margin, color="#e3e8ee", zorder=0)
        axes.axvline(0, color=style.INK, linewidth=1)
        for row, (name, arm) in enumerate(arms.items()):
            _label(axes, row, name, word(arm) + (f", {len(arm['failures'])} failed" if arm["failures"] else ""))
            _difference(axes, row, arm, _paired(results, arm), scale)
        _rows(axes, len(arms))
        direction = "right" if results["higher_is_better"] else "left"
        axes.set_xlabel(f"difference{_in(results['unit'])}: {direction} is better\n"
                        f"grey: within {smallest(results)}, does not matter")
    return sheet


def _difference(axes: Axes, row: int, arm: dict[str, Any], seeds: list[float], scale: float) -> None:
    if arm["difference"] is None:
        return
    mark = _MARKS[arm["verdict"]]
    axes.plot([scale * value for value in seeds], [row + 0.2] * len(seeds), linestyle="none", marker="|",
              markersize=8, markeredgewidth=1.2, color=style.FAINT)
    if arm["difference_interval"]:
        axes.plot([scale * end for end in arm["difference_interval"]], [row, row], color=mark["color"], linewidth=2.4)
    axes.plot(scale * arm["difference"], row, markersize=8, linestyle="none", **mark)


def values(results: dict[str, Any]) -> Sheet:
    """Every run's value, the runs of one seed joined by a line from arm to arm, and each arm's mean."""
    everyone = {"baseline": results["baseline"], **results["arms"]}
    scale = results["scale"]
    with style.applied():
        sheet = style.sheet(_WIDTH, 1.45 + _ROW * len(everyone), "Every run, joined by seed",
                            f"n = {len(results['seeds'])} seeds · bar: mean with {results['level']:.0%} t interval\n"
                            f"study {shorten(results['study'], 40)}")
        axes = sheet.add_subplot()
        for seed in map(str, results["seeds"]):
            points = [(scale * arm["values"][seed], row + 0.16) if seed in arm["values"] else (float("nan"), row)
                      for row, arm in enumerate(everyone.values())]
            axes.plot(*zip(*points, strict=True), color=style.SKY, linewidth=0.9, marker="o", markersize=5,
                      markerfacecolor=style.BLUE, markeredgecolor="white", markeredgewidth=0.6)
        for row, (name, arm) in enumerate(everyone.items()):
            failed = f"{len(arm['failures'])} failed" if arm["failures"] else ""
            mean = interval(results, arm["mean"], arm["interval"]) if arm["n"] else ""
            _label(axes, row, name, ", ".join(filter(None, [mean, failed])) or "not run yet")
            if arm["interval"]:
                axes.plot([scale * end for end in arm["interval"]], [row, row], color=style.INK, linewidth=2)
            if arm["mean"] is not None:
                axes.plot(scale * arm["mean"], row, marker="|", markersize=11, markeredgewidth=2.4, color=style.INK)
        _rows(axes, len(everyone))
        axes.set_xlabel(f"{results['title']}{_in(value_unit(results))}")
    return sheet


def trade_off(results: dict[str, Any], costs: Mapping[str, Mapping[str, float]]) -> Sheet:
    """Each arm's mean with its interval against what it costs. costs: by title, a panel each, the arms' by name."""
    everyone = {"baseline": results["baseline"], **results["arms"]}
    scale, legend = results["scale"], 0.13 * (len(everyone) + 1)
    with style.applied():
        sheet = style.sheet(_WIDTH, 0.9 + 2.6 * len(costs) + legend, "What it costs",
                            f"n = {len(results['seeds'])} seeds · bar: {results['level']:.0%} t interval of the mean\n"
                            f"study {shorten(results['study'], 40)}")
        *panels, names = sheet.subplots(len(costs) + 1, 1, height_ratios=[*[2.6] * len(costs), legend])
        for axes, (title, cost) in zip(panels, costs.items(), strict=True):
            for index, (name, arm) in enumerate(everyone.items()):
                if name in cost and arm["mean"] is not None:
                    low, high = arm["interval"] or (arm["mean"], arm["mean"])
                    bar = [[scale * (arm["mean"] - low)], [scale * (high - arm["mean"])]]
                    axes.errorbar(cost[name], scale * arm["mean"], yerr=bar, linestyle="none", markersize=7,
                                  elinewidth=1.4, label=shorten(name, _NAME), **style.class_marker(index))
            axes.margins(x=0.08)
            axes.set_xlim(left=0)
            axes.set(xlabel=title, ylabel=f"{results['title']}{_in(value_unit(results))}")
        names.axis("off")
        names.legend(*panels[0].get_legend_handles_labels(), loc="center", ncols=2)
    return sheet


def _paired(results: dict[str, Any], arm: dict[str, Any]) -> list[float]:
    """The differences seed by seed, where both runs are complete."""
    base = results["baseline"]["values"]
    return [value - base[seed] for seed, value in arm["values"].items() if seed in base]


def _in(unit: str) -> str:
    return f", {unit}" if unit else ""


def _label(axes: Axes, row: int, name: str, note: str) -> None:
    """Name and note above a row, over the whole width of the axes; lines pass behind them."""
    form: Any = {"transform": axes.get_yaxis_transform(), "va": "bottom", "zorder": 5,
                 "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.8}}
    axes.text(0, row - 0.24, shorten(name, _NAME), fontsize=9.5, fontweight="bold", **form)
    axes.text(1, row - 0.24, note, fontsize=9, ha="right", **form)


def _rows(axes: Axes, count: int) -> None:
    axes.set_ylim(count - 0.5, -0.75)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.06)
