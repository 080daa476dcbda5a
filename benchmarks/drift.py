"""Measure what the limits of fashionlab.drift do: false alarms in weeks without a change, delays after one.

    python benchmarks/drift.py [--model ARTIFACT] [--weeks 5] [--trials 200] [--seed 0] [--out FILE]

A week is 10 pictures a second: 6,048,000 drawn with replacement from the test split, whose figures are computed once.
Every window of every week is looked at. The limits come from a formula; the same weeks drawn from the artifact's own
reference (validation pictures) stand beside those of the test split, which is slightly different.

For the delays, each trial draws a full window of test pictures, and then pictures that are inverted, blurred or drawn
with another mix of classes. A trial's delay is how many of those it takes until any figure raises an alarm.
Writes results/drift.json.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fashionlab.common.environment import commit, machine, versions
from fashionlab.common.files import write_json
from fashionlab.data.held_out import load_test
from fashionlab.deploy.artifact_classifier import ArtifactClassifier
from fashionlab.deploy.opening import open_classifier
from fashionlab.deploy.reference import Reference
from fashionlab.drift.limits import BUDGET, PICTURES, ks_limit, psi_limit
from fashionlab.drift.monitor import CLASSES, WINDOW
from fashionlab.drift.statistics import kolmogorov_smirnov, stability_index
from fashionlab.evaluation.corruptions import CORRUPTIONS, corrupt
from fashionlab.evaluation.proportions import share

ROOT = Path(__file__).parents[1]
CHUNK = 200_000  # pictures that are drawn and looked at together
STRIDE = 20  # windows between those looked at first; one between two exceeds the nearer by 10 pictures at most
LONGEST = 1000  # pictures a trial goes on for

Figures = dict[str, np.ndarray]  # float32 [N] each, and CLASSES as integers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default", help="an artifact")
    parser.add_argument("--weeks", type=int, default=5)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "drift.json")
    words = parser.parse_args()
    began = time.perf_counter()
    classifier = open_classifier(words.model)
    if not isinstance(classifier, ArtifactClassifier):
        parser.error(f"{words.model}: expected an artifact")
    test = load_test()
    limits = Limits(classifier.artifact.reference)
    plain = figures_of(classifier, test.images)
    shifts = list(all_shifts(classifier, test.images, test.labels, plain))
    result = {
        "command": f"python benchmarks/drift.py --model {words.model} --weeks {words.weeks} --trials {words.trials} "
                   f"--seed {words.seed}",
        "model": classifier.artifact.description.name, "commit": commit(), "seed": words.seed, "window": WINDOW,
        "reference": limits.size, "pictures_a_week": PICTURES, "budget": BUDGET, "limits": limits.values,
        "test_against_reference": limits.statistics(plain),
        "weeks": {"test": quiet(limits, plain, words.weeks, words.seed),
                  "validation": quiet(limits, drawn_apart(limits.reference, words.seed), words.weeks, words.seed)},
        "delays": [delays(limits, plain, shift, words.trials, words.seed) for shift in shifts],
    }
    write_json(words.out, {**result, "seconds": round(time.perf_counter() - began), "machine": machine(),
                           "versions": versions()})
    report(result)


class Limits:
    """DriftMonitor's statistics of many windows at once, and their limits. test_benchmark.py holds the two together."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.size = len(reference.values["ink"])
        figures = len(reference.values) + 1
        self.values = {name: ks_limit(WINDOW, self.size, figures) for name in reference.values}
        self.values[CLASSES] = psi_limit(WINDOW, self.size, figures, len(reference.classes))

    def statistics(self, figures: Figures) -> dict[str, float]:
        """The statistic that can raise an alarm, of all of `figures` as one window."""
        distances = {name: kolmogorov_smirnov(values, figures[name]) for name, values in self.reference.values.items()}
        counts = np.bincount(figures[CLASSES], minlength=len(self.reference.classes))
        return {**distances, CLASSES: float(stability_index(self.reference.classes, counts, self.size))}

    def windows(self, name: str, values: np.ndarray, stride: int) -> np.ndarray:
        """The statistic of figure `name` in every `stride`-th window of `values` [N]."""
        if name == CLASSES:
            return self._classes(values)[::stride]
        reference = self.reference.values[name]
        kinds, codes = np.unique(values, return_inverse=True)
        below = np.searchsorted(reference, kinds, "left").astype(np.float32) / len(reference)
        above = np.searchsorted(reference, kinds, "right").astype(np.float32) / len(reference)
        steps = np.arange(WINDOW + 1, dtype=np.float32) / WINDOW
        views = np.lib.stride_tricks.sliding_window_view(codes.astype(np.uint16), WINDOW)[::stride]
        distances = []
        for start in range(0, len(views), 2000):  # what fits into the processor's caches
            ordered = np.sort(views[start : start + 2000], axis=1, kind="stable")  # a radix sort
            distances.append(np.maximum((steps[1:] - above[ordered]).max(axis=1),
                                        (below[ordered] - steps[:-1]).max(axis=1)))
        return np.concatenate(distances)

    def _classes(self, values: np.ndarray) -> np.ndarray:
        seen = np.zeros((len(values) + 1, len(self.reference.classes)), np.int32)
        seen[np.arange(1, len(values) + 1), values] = 1
        seen = seen.cumsum(axis=0)
        return stability_index(self.reference.classes, seen[WINDOW:] - seen[:-WINDOW], self.size)


def figures_of(classifier: ArtifactClassifier, pictures: np.ndarray) -> Figures:
    answers, figures = classifier.observe(pictures)
    return {**figures, CLASSES: answers.probabilities.argmax(axis=1)}


def drawn_apart(reference: Reference, seed: int) -> Figures:
    """Figures as the reference has them; it does not keep which values belong together."""
    draw, size = np.random.default_rng(seed), len(reference.values["ink"])
    figures = {name: draw.permutation(values) for name, values in reference.values.items()}
    classes = np.repeat(np.arange(len(reference.classes)), np.round(reference.classes * size).astype(int))
    return {**figures, CLASSES: draw.permutation(classes)}


# -- Weeks without a change ------------------------------------------------------------------------------------------

def quiet(limits: Limits, figures: Figures, weeks: int, seed: int) -> dict[str, Any]:
    """Alarms in `weeks` weeks: 0 of w weeks have an upper 95 % bound of 3 / w a week (the rule of three)."""
    largest = dict.fromkeys(limits.values, 0.0)
    alarms = dict.fromkeys(limits.values, 0)
    for week in range(weeks):
        for rows in pieces(np.random.default_rng((seed, week)), len(figures[CLASSES])):
            for name, limit in limits.values.items():
                values = limits.windows(name, figures[name][rows], 1 if name == CLASSES else STRIDE)
                if values.max() > limit - STRIDE / 2 / WINDOW:
                    values = limits.windows(name, figures[name][rows], 1)
                largest[name] = max(largest[name], float(values.max()))
                alarms[name] += episodes(values > limit)
        print(f"week {week + 1} of {weeks}: {sum(alarms.values())} alarms so far", flush=True)
    return {"weeks": weeks, "alarms": alarms, "alarms_a_week": sum(alarms.values()) / weeks, "largest": largest,
            "largest_over_limit": {name: largest[name] / limit for name, limit in limits.values.items()}}


def pieces(draw: np.random.Generator, pictures: int) -> Iterator[np.ndarray]:
    """A week of rows in chunks, each of which begins with the last window of the one before."""
    last = draw.integers(0, pictures, WINDOW - 1)
    for start in range(0, PICTURES, CHUNK):
        rows = np.concatenate([last, draw.integers(0, pictures, min(CHUNK, PICTURES - start))])
        yield rows
        last = rows[1 - WINDOW :]


def episodes(over: np.ndarray) -> int:
    """Times an alarm begins; one that returns within a window is the same."""
    windows = np.flatnonzero(over)
    return 0 if not len(windows) else 1 + int((np.diff(windows) > WINDOW).sum())


# -- Changes ---------------------------------------------------------------------------------------------------------

class Shift:
    """A change. kind and how strong, in words; the figures that pictures are drawn from after it; weights: function of
    a generator that gives each picture's chance to be drawn (float [N])."""

    def __init__(self, kind: str, strength: str, figures: Figures, weights: Any = None) -> None:
        self.kind, self.strength, self.figures, self.weights = kind, strength, figures, weights

    def draw(self, generator: np.random.Generator, n: int) -> np.ndarray:
        size = len(self.figures[CLASSES])
        chances = None if self.weights is None else self.weights(generator)
        return generator.choice(size, n, p=chances)


def all_shifts(classifier: ArtifactClassifier, images: np.ndarray, labels: np.ndarray, plain: Figures
               ) -> Iterator[Shift]:
    inverted = figures_of(classifier, 255 - images)
    for percent in (25, 50, 100):
        mixed = {name: np.concatenate([np.tile(plain[name], 100 // percent - 1), values])
                 for name, values in inverted.items()}
        yield Shift("inverted", f"{percent} % of pictures", mixed)
    for severity, strength in enumerate(CORRUPTIONS["blur"].strengths, 1):
        blurred = corrupt(images, "blur", severity)
        yield Shift("blur", f"deviation of {strength} pixels", figures_of(classifier, blurred))
    classes = len(classifier.classes)
    for percent in (20, 30, 50):
        yield Shift("classes", f"one class {percent} %", plain,
                    lambda draw, to=percent / 100: mix(labels, _raised(draw.integers(classes), classes, to)))
    for gone in (1, 2, 3, 5):
        yield Shift("classes", f"{gone} of {classes} classes gone", plain,
                    lambda draw, gone=gone: mix(labels, (draw.permutation(classes) >= gone) / (classes - gone)))


def _raised(which: int, classes: int, to: float) -> np.ndarray:
    shares = np.full(classes, (1 - to) / (classes - 1))
    shares[which] = to
    return shares


def mix(labels: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Chances of pictures so that the classes [K] have `shares`."""
    return shares[labels] / np.bincount(labels, minlength=len(shares))[labels]


def delays(limits: Limits, plain: Figures, shift: Shift, trials: int, seed: int) -> dict[str, Any]:
    """Delays in pictures; a trial that raises none within LONGEST pictures counts as that."""
    shortest, first = [], []
    for trial in range(trials):
        draw = np.random.default_rng((seed, trial))
        before, after = draw.integers(0, len(plain[CLASSES]), WINDOW), shift.draw(draw, LONGEST)
        delay = {name: _first(limits, name, np.concatenate([plain[name][before], shift.figures[name][after]]))
                 for name in limits.values}
        shortest.append(min(delay.values()))
        first.append(min(delay, key=lambda name: delay[name]) if shortest[-1] < LONGEST else "none")
    caught = sum(delay <= WINDOW for delay in shortest)
    names, counts = np.unique(first, return_counts=True)
    return {"kind": shift.kind, "strength": shift.strength, "trials": trials, "median": float(np.median(shortest)),
            "p95": float(np.percentile(shortest, 95)), "largest": int(max(shortest)),
            "within_500": asdict(share(caught, trials)),
            "raised_by": dict(zip(names.tolist(), counts.tolist(), strict=True))}


def _first(limits: Limits, name: str, values: np.ndarray) -> int:
    """Pictures after the change until figure `name` raises an alarm."""
    over = np.flatnonzero(limits.windows(name, values, 1) > limits.values[name])
    return int(over[0]) if len(over) else LONGEST


def report(result: dict[str, Any]) -> None:
    for split, week in result["weeks"].items():
        print(f"{split}: {sum(week['alarms'].values())} alarms in {week['weeks']} weeks; largest over limit "
              + ", ".join(f"{name} {value:.2f}" for name, value in week["largest_over_limit"].items()))
    for row in result["delays"]:
        print(f"{row['kind']}, {row['strength']}: median {row['median']:.0f}, 95 % {row['p95']:.0f}; within 500 "
              f"pictures {row['within_500']['estimate']:.0%}; by {row['raised_by']}")


if __name__ == "__main__":
    main()
