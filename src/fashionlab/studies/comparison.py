"""Several finished runs side by side: scores, costs, and tests of their differences. Plain numbers; nothing is drawn.

Two units of evidence, kept apart. Pictures: do these trained networks differ on these test pictures? Seeds: do the
recipes differ, whatever the seed? The second needs runs of the same recipes with the same seeds.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from fashionlab.common.records import Interval
from fashionlab.evaluation.metrics import classes, headings, scores
from fashionlab.evaluation.proportions import share
from fashionlab.recipes import Recipe
from fashionlab.runs.comparable import remarks
from fashionlab.runs.results import RunResults
from fashionlab.studies.statistics import (
    CochransQ,
    cochrans_q,
    holm,
    mcnemar_exact,
    mean_interval,
    paired_bootstrap,
    paired_difference,
    paired_permutation,
)


@dataclass(frozen=True)
class ClassScore:
    """How a run does on the test pictures of one class: the share it gets right, its F1, and how many there are."""

    name: str
    accuracy: float
    f1: float
    support: int


@dataclass(frozen=True)
class Cost:
    """What a run takes; None where its metrics.json does not say. macs: multiply-accumulates for one picture;
    latency_ms: median for one picture; prediction_images_per_second: in batches of 256; `where`: the machine on which
    prediction was timed."""

    parameters: int
    train_seconds: float
    train_images_per_second: float
    weight_bytes: int | None
    macs: int | None
    latency_ms: float | None
    prediction_images_per_second: float | None
    peak_bytes: int | None
    where: str | None


@dataclass(frozen=True)
class Candidate:
    """One run of a comparison. `label` is its name, with as many parent folders as tell it from the others.

    scores: the metrics of the table "comparison" by their names. temperature, nll_scaled, ece_scaled: of temperature
    scaling fitted on validation; None if that was not done.
    """

    label: str
    path: str
    recipe: str
    model: str
    seed: int
    n: int
    accuracy: Interval
    scores: dict[str, float]
    temperature: float | None
    nll_scaled: float | None
    ece_scaled: float | None
    per_class: tuple[ClassScore, ...]
    cost: Cost


@dataclass(frozen=True)
class Pair:
    """Two runs on the same test pictures. difference: accuracy of `second` - `first`, as a share, with its paired
    bootstrap interval; p: McNemar's exact test; p_holm: corrected for all pairs; agreement: share of equal answers."""

    first: str
    second: str
    difference: Interval
    only_first: int
    only_second: int
    agreement: float
    p: float
    p_holm: float


@dataclass(frozen=True)
class Group:
    """Runs whose recipes differ in the seed alone. mean: of the test accuracy over seeds; None for a single seed."""

    name: str
    labels: tuple[str, ...]
    seeds: tuple[int, ...]
    accuracies: tuple[float, ...]
    mean: Interval | None


@dataclass(frozen=True)
class SeedPair:
    """Two groups over the seeds they share. difference: mean of `second` - `first` with its paired t interval; p: of
    the paired permutation test; smallest_p: the smallest that so many seeds can give."""

    first: str
    second: str
    seeds: tuple[int, ...]
    differences: tuple[float, ...]
    difference: Interval
    p: float
    p_holm: float
    smallest_p: float


@dataclass(frozen=True)
class Answers:
    """What every run said of every test picture. predicted int64 and confidence float64 (the answer's probability),
    [runs, N]; labels int64 [N]; classes: the names."""

    predicted: np.ndarray
    confidence: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]

    @cached_property
    def right(self) -> np.ndarray:
        """bool [runs, N]."""
        return self.predicted == self.labels

    @cached_property
    def disagreed(self) -> np.ndarray:
        """Positions of the pictures on which not all runs say the same, the most telling first.

        Telling: two different answers, both given with confidence. So they are sorted by the confidence of the
        second-surest answer, each answer as sure as the surest run that gives it.
        """
        positions = np.flatnonzero((self.predicted != self.predicted[0]).any(axis=0))
        surest = np.zeros((len(positions), len(self.classes)))
        for predicted, confidence in zip(self.predicted, self.confidence, strict=True):
            rows = np.arange(len(positions)), predicted[positions]
            surest[rows] = np.maximum(surest[rows], confidence[positions])
        return positions[np.argsort(-np.sort(surest, axis=1)[:, -2], kind="stable")] if len(positions) else positions


@dataclass(frozen=True)
class Comparison:
    """Everything `compare` found. differing: recipe keys that are not the same in all runs, with one value a run;
    cochran: only for more than two runs; remarks: sentences that a reader must know."""

    candidates: tuple[Candidate, ...]
    differing: dict[str, tuple[Any, ...]]
    pairs: tuple[Pair, ...]
    cochran: CochransQ | None
    groups: tuple[Group, ...]
    seed_pairs: tuple[SeedPair, ...]
    answers: Answers
    remarks: tuple[str, ...]

    @property
    def n(self) -> int:
        """How many test pictures there are."""
        return len(self.answers.labels)

    @property
    def labels(self) -> list[str]:
        return [candidate.label for candidate in self.candidates]

    def summary(self) -> dict[str, Any]:
        """All of it as plain values for JSON; of the answers only how many pictures are disagreed on."""
        plain = {key: [asdict(entry) for entry in getattr(self, key)]
                 for key in ("candidates", "pairs", "groups", "seed_pairs")}
        for candidate in plain["candidates"]:
            candidate.update(candidate.pop("scores"))
        right = self.answers.right.sum(axis=0)
        return {
            "runs": plain.pop("candidates"), "n": self.n, "differing": self.differing, **plain,
            "cochran": asdict(self.cochran) if self.cochran else None,
            "disagreed": len(self.answers.disagreed), "all_right": int((right == len(self.candidates)).sum()),
            "none_right": int((right == 0).sum()), "remarks": list(self.remarks),
        }


def compare(runs: Sequence[RunResults]) -> Comparison:
    """Compare runs that `comparable.load_comparable` let through.

    Raises DataError when a record of a run is missing or broken, or its logits are not finite.
    """
    labels = _labels(runs)
    candidates = tuple(_candidate(run, label) for run, label in zip(runs, labels, strict=True))
    answers = Answers(np.stack([run.test.predicted for run in runs]),
                      np.stack([run.test.probabilities.max(axis=1) for run in runs]),
                      runs[0].test.labels, runs[0].test.classes)
    groups, repeated = _groups(runs, candidates)
    return Comparison(candidates, _differing([run.recipe for run in runs]), _pairs(labels, answers),
                      cochrans_q(answers.right) if len(runs) > 2 else None, groups, _seed_pairs(groups), answers,
                      tuple(remarks(runs) + _without_classes(runs, labels) + _timed_apart(candidates) + repeated))


def pareto_front(costs: np.ndarray, accuracies: np.ndarray) -> np.ndarray:
    """bool [n]: which of n runs no other run beats, being as good in both and better in one (lower cost is better)."""
    cheaper, better = costs[:, None] <= costs, accuracies[:, None] >= accuracies
    strictly = (costs[:, None] < costs) | (accuracies[:, None] > accuracies)
    return np.logical_not(np.any(cheaper & better & strictly, axis=0))


def _labels(runs: Sequence[RunResults]) -> list[str]:
    paths = [run.folder.path.resolve() for run in runs]
    depth = 1
    while len({path.parts[-depth:] for path in paths}) < len(paths):
        depth += 1
    return ["/".join(path.parts[-depth:]) for path in paths]


def _candidate(run: RunResults, label: str) -> Candidate:
    summary = scores(run.test)
    n, right = summary["n"], int((run.test.predicted == run.test.labels).sum())
    per_class = tuple(ClassScore(row["class"], row["recall"], row["f1"], row["support"])
                      for row in summary["per_class"])
    return Candidate(
        label, str(run.folder.path), run.recipe.description.split("\n")[0], run.recipe.model.name, run.recipe.seed, n,
        share(right, n), {name: summary[name] for name in headings("comparison")}, *_scaled(run),
        per_class, _cost(run))


def _scaled(run: RunResults) -> tuple[float | None, float | None, float | None]:
    """The temperature, and NLL and ECE after scaling with it, where metrics.json has them."""
    calibration = run.metrics.calibration
    if not calibration:
        return None, None, None
    after = calibration.methods["temperature"]
    return calibration.temperature, after["nll"].estimate, after["ece"].estimate


def _cost(run: RunResults) -> Cost:
    metrics = run.metrics
    took = metrics.parameters, metrics.train_seconds, metrics.images_per_second
    if metrics.cost is None:
        weights = run.folder.final_weights(run.recipe.weights)
        return Cost(*took, weights.stat().st_size if weights.is_file() else None, None, None, None, None, None)
    cost, prediction = metrics.cost, metrics.cost.prediction
    return Cost(*took, cost.weight_bytes, cost.macs, prediction.latency_ms["1"].median,
                prediction.images_per_second["256"], prediction.peak_bytes, f"{cost.machine}, {cost.threads} threads")


def _without_classes(runs: Sequence[RunResults], labels: Sequence[str]) -> list[str]:
    """A remark where the averages of a run leave classes out; other runs may have answered these."""
    return [f"{label}: {remark}" for label, run in zip(labels, runs, strict=True)
            for remark in classes.remarks(run.test)]


def _timed_apart(candidates: Sequence[Candidate]) -> list[str]:
    """A remark where prediction was not timed under the same conditions."""
    conditions: dict[str, list[str]] = {}
    for one in candidates:
        if one.cost.where:
            conditions.setdefault(one.cost.where, []).append(one.label)
    if len(conditions) < 2:
        return []
    listed = "; ".join(f"{where}: {', '.join(labels)}" for where, labels in conditions.items())
    return [f"Prediction was timed on different machines or settings ({listed}): latency and speed do not compare."]


def _pairs(labels: Sequence[str], answers: Answers) -> tuple[Pair, ...]:
    pairs = []
    for i, j in itertools.combinations(range(len(labels)), 2):
        test = mcnemar_exact(answers.right[i], answers.right[j])
        pairs.append(Pair(labels[i], labels[j], paired_bootstrap(answers.right[i], answers.right[j]), test.only_a,
                          test.only_b, float(np.mean(answers.predicted[i] == answers.predicted[j])), test.p, 1.0))
    return tuple(replace(pair, p_holm=p) for pair, p in zip(pairs, holm([pair.p for pair in pairs]), strict=True))


def _same_but_for_the_seed(recipe: Recipe) -> str:
    """What decides a training besides its seed, as text: neither what is said of it nor what is expected of it does."""
    return recipe.model_dump_json(exclude={"seed", "description", "expected"})


def _groups(runs: Sequence[RunResults], candidates: Sequence[Candidate]) -> tuple[tuple[Group, ...], list[str]]:
    """The groups in the order of their first runs, and a remark on every run whose recipe and seed are those of an
    earlier one: it is no new evidence and is left out."""
    by_recipe: dict[str, dict[int, Candidate]] = {}
    repeated = []
    for run, candidate in zip(runs, candidates, strict=True):
        members = by_recipe.setdefault(_same_but_for_the_seed(run.recipe), {})
        if candidate.seed in members:
            repeated.append(f"{candidate.label} has the recipe and the seed of {members[candidate.seed].label}: the "
                            "comparison over seeds takes the latter alone.")
        else:
            members[candidate.seed] = candidate
    groups = []
    for members in by_recipe.values():
        ordered = [members[seed] for seed in sorted(members)]
        accuracies = tuple(member.accuracy.estimate for member in ordered)
        groups.append(Group(_group_name(ordered), tuple(member.label for member in ordered), tuple(sorted(members)),
                            accuracies, _within_0_and_1(mean_interval(accuracies)) if len(ordered) > 1 else None))
    names = [group.name for group in groups]
    return tuple(replace(group, name=group.labels[0]) if names.count(group.name) > 1 else group
                 for group in groups), repeated


def _within_0_and_1(interval: Interval) -> Interval:
    """No mean accuracy lies beyond; t intervals of two or three seeds do."""
    return replace(interval, low=max(0.0, interval.low), high=min(1.0, interval.high))


def _group_name(members: Sequence[Candidate]) -> str:
    """What stands before the seed in the runs' names, if all agree: quick-s0 and quick-s1-20261122 are "quick"."""
    names = {re.sub(rf"[-_. ]s(eed)?[-_. ]?{one.seed}(?!\d).*$", "", one.label) for one in members}
    return names.pop() if len(names) == 1 and len(members) > 1 else members[0].label


def _seed_pairs(groups: Sequence[Group]) -> tuple[SeedPair, ...]:
    pairs = []
    for first, second in itertools.combinations(groups, 2):
        one, two = (dict(zip(group.seeds, group.accuracies, strict=True)) for group in (first, second))
        seeds = sorted(one.keys() & two.keys())
        if len(seeds) < 2:
            continue
        a, b = np.array([one[seed] for seed in seeds]), np.array([two[seed] for seed in seeds])
        pairs.append(SeedPair(first.name, second.name, tuple(seeds), tuple((b - a).tolist()), paired_difference(a, b),
                              paired_permutation(a, b), 1.0, 2.0 ** (1 - len(seeds))))
    return tuple(replace(pair, p_holm=p) for pair, p in zip(pairs, holm([pair.p for pair in pairs]), strict=True))


def _differing(recipes: Sequence[Recipe]) -> dict[str, tuple[Any, ...]]:
    """Dotted recipe keys whose values are not the same in all; None where a recipe has no such key."""
    flat = [_flat(recipe.model_dump(mode="json", exclude={"description", "expected"})) for recipe in recipes]
    keys = dict.fromkeys(key for recipe in flat for key in recipe)
    rows = {key: tuple(recipe.get(key) for recipe in flat) for key in keys}
    return {key: values for key, values in rows.items() if any(value != values[0] for value in values)}


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
