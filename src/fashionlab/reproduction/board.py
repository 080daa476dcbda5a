"""The scoreboard: each reference system's claim, what was measured, and one word for how the two compare."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from fashionlab import models
from fashionlab.common.records import Interval
from fashionlab.reproduction.systems import Measurement, System, find, measured, systems
from fashionlab.studies.statistics import mean_interval, paired_difference

Word = Literal["reproduced", "exceeded", "not reached", "contradicted", "nothing claimed", "not yet measured"]
# Further than this from the claim, and what the text describes is not what its author ran.
CONTRADICTION = 0.05
# A claim is one run of unknown seed on unknown hardware: nearer than this it counts as met.
TOLERANCE = 0.005
# With fewer seeds, Student's t is so wide that any claim would lie within.
FEWEST_FOR_SPREAD = 3
# What the time of an unmeasured system is estimated from: the training pictures and their side, and a pace.
PICTURES, SIDE, PACE_OF = 60_000, 28, "ablation-main"

# What people are shown in place of the verdict on a measurement with less data or fewer epochs than the text names.
TRIED_IN_SMALL = "tried in small, not measured"

Row = dict[str, Any]


def board(folder: Path) -> list[Row]:
    """A row a system, measured or not, as `reproduce --list --json` gives them."""
    return [row(system, folder) for system in systems()]


def row(system: System, folder: Path) -> Row:
    """id, source, what is claimed, what was measured (None when nothing was), verdict and reason.

    Raises DataError for a file in `folder` that is no measurement.
    """
    measurement = measured(system, folder)
    claimed = {key: value for key, value in system.expected.model_dump().items() if key != "source"}
    if measurement is None:
        return {"id": system.id, "source": system.expected.source, "claimed": claimed, "measured": None,
                "verdict": "not yet measured", "reason": _measures_it(system, folder)}
    word, reason = judge(system, measurement, folder)
    return {"id": system.id, "source": system.expected.source, "claimed": claimed,
            "measured": _summary(system, measurement), "verdict": word, "reason": reason}


def tried_in_small(row: Row) -> bool:
    """Whether all that was trained of the row's system was a shortened form of it, whose accuracy says nothing about
    the claim: tables for people then show no figure. The row itself has them."""
    return row["measured"] is not None and bool(row["measured"]["changes"])


def shown_verdict(row: Row) -> str:
    """The verdict as people read it."""
    return TRIED_IN_SMALL if tried_in_small(row) else row["verdict"]


def shown_reason(row: Row, folder: Path) -> str:
    """The reason as people read it; `folder` has the measurements, from which the time of a whole one is guessed."""
    if not tried_in_small(row):
        return row["reason"]
    measured = row["measured"]
    return (f"tried with {', '.join(measured['changes'])} and {measured['n']} seed{'s'[:measured['n'] > 1]} (figures: "
            f"--json), which says nothing about the claim; {_measures_it(find(row['id']), folder)}")


def _measures_it(system: System, folder: Path) -> str:
    return f"`fashionlab reproduce {system.id}` measures it{_how_long(system, folder)}"


def _how_long(system: System, folder: Path) -> str:
    """A guess at the time of a run, from multiply-accumulates and the pace at which PACE_OF was trained here."""
    known = measured(find(PACE_OF), folder)
    if known is None:
        return ""
    pace = max(one.images_per_second for one in known.seeds) * _macs(find(PACE_OF))
    hours = PICTURES * system.recipe.epochs * _macs(system) / pace / 3600
    duration = "less than an hour" if hours < 1 else f"up to {hours:.0f} hours"
    return (f"; {duration} a run, by its multiply-accumulates and the pace of {PACE_OF} on the machine that measured "
            "that")


def _macs(system: System) -> float:
    """Of one picture; those of a convolutional network grow with its area."""
    resize = system.recipe.model.arguments.get("resize") or SIDE
    return models.MODELS[system.recipe.model.name].card.macs * (resize / SIDE) ** 2


def judge(system: System, measurement: Measurement, folder: Path) -> tuple[Word, str]:
    """The word and why it is that one. A shortened measurement can reach a claim, and says that it is short; it cannot
    contradict one."""
    word, reason = _judge(system, measurement, folder)
    return word, f"{reason}; shortened: {', '.join(measurement.changes)}" if measurement.changes else reason


def _judge(system: System, measurement: Measurement, folder: Path) -> tuple[Word, str]:
    expected, mean = system.expected, fmean(measurement.values(system.metric).values())
    if expected.worse_than is not None:
        return _against(system, measurement, find(expected.worse_than), folder)
    if expected.accuracy is None:
        return "nothing claimed", "the text names no figure"
    low, high = _claimed(expected.accuracy)
    claim = f"{low:.2%}" if low == high else f"{low:.0%} to {high:.0%}"
    slack = _slack(system, measurement)
    if low - slack <= mean <= high + slack:
        return "reproduced", f"within {100 * slack:.1f} points of the claimed {claim}, what one run may differ by"
    distance = max(low - mean, mean - high)
    if distance > CONTRADICTION and not measurement.changes:
        return "contradicted", f"{100 * distance:.1f} points from the claimed {claim}: not what the text describes"
    if mean > high:
        return "exceeded", f"{100 * distance:.1f} points above the claimed {claim}"
    return "not reached", f"{100 * distance:.1f} points below the claimed {claim}"


def _against(system: System, measurement: Measurement, other: System, folder: Path) -> tuple[Word, str]:
    """For a text that gives no figure and calls one setting worse than another."""
    theirs = measured(other, folder)
    mine, values = measurement.values(system.metric), theirs.values(system.metric) if theirs else {}
    both = sorted(set(mine) & set(values))
    if len(both) < 2:
        return "not yet measured", f"{other.id}, which it is held against, has fewer than 2 seeds in common with it"
    difference = paired_difference([values[seed] for seed in both], [mine[seed] for seed in both])
    gap = (f"{100 * difference.estimate:+.2f} points against {other.id} [{100 * difference.low:+.2f}, "
           f"{100 * difference.high:+.2f}]")
    if difference.high < 0:
        return "reproduced", f"claimed to be worse, and is: {gap}"
    if difference.low > 0:
        return "contradicted", f"claimed to be worse, and is better: {gap}"
    return "not reached", f"claimed to be worse, which {len(both)} seeds do not show: {gap}"


def _claimed(accuracy: float | tuple[float, float]) -> tuple[float, float]:
    return accuracy if isinstance(accuracy, tuple) else (accuracy, accuracy)


def interval(system: System, measurement: Measurement) -> Interval | None:
    """Student's 95 % interval of the mean over seeds; None for one seed."""
    values = list(measurement.values(system.metric).values())
    return mean_interval(values) if len(values) > 1 else None


def _slack(system: System, measurement: Measurement) -> float:
    """How far one run may lie from the mean by the luck of its seed alone: half the 95 % prediction interval of one
    more run, which is that of the mean widened by sqrt(n + 1)."""
    spread, n = interval(system, measurement), len(measurement.seeds)
    if spread is None or n < FEWEST_FOR_SPREAD:
        return TOLERANCE
    return max(TOLERANCE, (spread.high - spread.low) / 2 * (n + 1) ** 0.5)


def _summary(system: System, measurement: Measurement) -> Row:
    spread = interval(system, measurement)
    values = measurement.values(system.metric)
    fastest = min(measurement.seeds, key=lambda one: one.train_seconds)
    return {
        "metric": system.metric, "mean": fmean(values.values()),
        "interval": None if spread is None else [spread.low, spread.high], "n": len(values),
        "macro_f1": fmean(one.macro_f1 for one in measurement.seeds),
        "loss": fmean(one.loss for one in measurement.seeds),
        "train_seconds": fmean(one.train_seconds for one in measurement.seeds),
        "fastest_seconds": fastest.train_seconds, "fastest_threads": fastest.threads,
        "epochs": fmean(one.epochs for one in measurement.seeds),
        "images_per_second": fmean(one.images_per_second for one in measurement.seeds),
        "machine": measurement.machine, "device": measurement.seeds[0].device, "changes": list(measurement.changes),
        "seeds": sorted(values),
    }
