"""From the values of a study's arms to a verdict on each: the one place where "does it help?" is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from scipy import stats
from scipy.special import ndtr

from fashionlab.common.errors import UsageError, unknown
from fashionlab.common.records import Interval
from fashionlab.studies.statistics.checks import checked_level, paired
from fashionlab.studies.statistics.intervals import paired_difference
from fashionlab.studies.statistics.seeds import TESTS, holm, paired_equivalence

Word = Literal["better", "worse", "equivalent", "undecided"]
# One value a seed; None for a run that failed. A seed that is not there has not been run yet.
Values = Mapping[int, float | None]

_POWER = 0.8
_SEEDS = np.arange(2, 1001)


@dataclass(frozen=True)
class Verdict:
    """What can be said of an arm against the baseline, and on what evidence.

    n: seeds that are complete in both. failed: failed runs of both. difference: arm - baseline, in the metric's unit;
    None below 2 complete seeds, as are p (of the study's test), p_corrected (Holm) and p_equivalence (TOST, Holm).
    more_seeds: for an undecided arm, how many seeds more would decide it with a chance of 80 % if mean and spread stay
    as they are; None when that cannot be told or would take more than 1,000.
    """

    word: Word
    reason: str
    n: int
    failed: int
    difference: Interval | None = None
    p: float | None = None
    p_corrected: float | None = None
    p_equivalence: float | None = None
    more_seeds: int | None = None


def judge(baseline: Values, arms: Mapping[str, Values], *, smallest_difference: float, test: str = "paired_t",
          level: float = 0.95, higher_is_better: bool = True) -> dict[str, Verdict]:
    """A verdict for every arm, in the arms' order. Values and smallest_difference are in the same unit.

    With alpha = 1 - level, and p values corrected by Holm over all declared arms (those without data count as p = 1):

    - "equivalent": TOST shows at alpha that the true difference is smaller than smallest_difference. This comes first:
      a difference may be significant and yet too small to matter.
    - "better", "worse": the test over seeds (`TESTS`) has p < alpha; the sign of the mean difference says which.
    - "undecided": everything else, and always below 2 complete seeds.

    Each kind of claim is wrong somewhere in the study with a probability of at most alpha. A failed run counts against
    its side: an arm with one is never called better or equivalent, against a baseline with one never worse or
    equivalent. Raises UsageError for an unknown test, a level outside (0, 1) or a negative smallest_difference.
    """
    if test not in TESTS:
        raise unknown("test", test, TESTS)
    if not smallest_difference >= 0:
        raise UsageError(f"smallest_difference: {smallest_difference}, expected a number from 0")
    alpha = 1 - checked_level(level)
    pairs = {name: _complete(baseline, values) for name, values in arms.items()}
    tested = {name: len(a) >= 2 for name, (a, _) in pairs.items()}
    p = {name: TESTS[test](*pairs[name]) if tested[name] else 1.0 for name in arms}
    p_same = {name: paired_equivalence(*pairs[name], smallest_difference) if tested[name] else 1.0 for name in arms}
    corrected = dict(zip(arms, holm(list(p.values())), strict=True))
    corrected_same = dict(zip(arms, holm(list(p_same.values())), strict=True))

    verdicts = {}
    for name, (a, b) in pairs.items():
        failed_baseline, failed_arm = _failures(baseline), _failures(arms[name])
        failed = failed_baseline + failed_arm
        if not tested[name]:
            verdicts[name] = Verdict("undecided", f"complete seeds: {len(a)}; at least 2 are needed", len(a), failed)
            continue
        difference = paired_difference(a, b, level)
        gain = difference.estimate if higher_is_better else -difference.estimate
        word, reason = _word(gain, corrected[name] < alpha, corrected_same[name] < alpha, failed_baseline, failed_arm)
        more = None
        if word == "undecided" and not failed:
            more = _seeds_to_decide(paired(a, b), smallest_difference, test, alpha / len(arms))
        verdicts[name] = Verdict(word, reason, len(a), failed, difference, p[name], corrected[name],
                                 corrected_same[name], more)
    return verdicts


def _complete(baseline: Values, arm: Values) -> tuple[list[float], list[float]]:
    pairs = [(x, y) for seed in sorted(baseline)
             if (x := baseline[seed]) is not None and (y := arm.get(seed)) is not None]
    return [x for x, _ in pairs], [y for _, y in pairs]


def _failures(values: Values) -> int:
    return sum(value is None for value in values.values())


def _word(gain: float, differs: bool, same: bool, failed_baseline: int, failed_arm: int) -> tuple[Word, str]:
    word, reason = "undecided", "neither a difference nor its absence is shown"
    if same:
        word, reason = "equivalent", "the difference is shown to be smaller than what matters"
    elif differs:
        word, reason = ("better" if gain > 0 else "worse"), "the difference is significant"
    if failed_arm and word in ("better", "equivalent"):
        return "undecided", f"failed runs of the arm: {failed_arm}; the seeds that are left say {word}"
    if failed_baseline and word in ("worse", "equivalent"):
        return "undecided", f"failed runs of the baseline: {failed_baseline}; the seeds that are left say {word}"
    return word, reason


def _seeds_to_decide(differences: np.ndarray, margin: float, test: str, alpha: float) -> int | None:
    """How many seeds more give the test, or TOST, a power of 80 % if the true mean and spread are the observed ones."""
    n, mean, spread = len(differences), abs(float(differences.mean())), float(differences.std(ddof=1))
    errors = np.sqrt(_SEEDS) / max(spread, 1e-300)
    differs = _t_power(mean * errors, alpha / 2)
    # The permutation test has nearly the t test's power, once it can reach alpha at all.
    if test == "permutation" or spread == 0:
        differs = np.where(np.exp2(1.0 - _SEEDS) < alpha, differs, 0.0)
    # At least this, by Bonferroni's inequality.
    within = _t_power((margin - mean) * errors, alpha) + _t_power((margin + mean) * errors, alpha) - 1
    enough = _SEEDS[np.maximum(differs, within) >= _POWER]
    return max(1, int(enough[0]) - n) if len(enough) else None


def _t_power(errors: np.ndarray, alpha: float) -> np.ndarray:
    """The chance, for each of _SEEDS, that t passes its one-sided limit at alpha when the true mean lies `errors`
    standard errors above 0.

    The normal approximation of the noncentral t distribution (Abramowitz & Stegun 26.7.10): near enough for a number of
    seeds, and finite where scipy's exact one is not.
    """
    freedom, limit = _SEEDS - 1, _t_limits(alpha)
    return ndtr((errors - limit * (1 - 1 / (4 * freedom))) / np.sqrt(1 + limit**2 / (2 * freedom)))


@cache
def _t_limits(alpha: float) -> np.ndarray:
    return stats.t.isf(alpha, _SEEDS - 1)
