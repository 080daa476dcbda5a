"""Conformal prediction: sets of classes that hold the true one as often as promised, whatever the network's faults.

Split conformal prediction (Vovk 2005; Papadopoulos 2002): a threshold on a nonconformity score, taken from validation
pictures. The promise holds on average over pictures of the same kind and over validation splits: not for every class,
and with n validation pictures a single run's coverage scatters around it by about sqrt(coverage (1 - coverage) / n). It
holds strictly only where the validation pictures had no part in training (early stopping on them bends it a little).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fashionlab.common.records import Predictions
from fashionlab.evaluation.proportions import share
from fashionlab.runs.metrics import PredictionSets, WorstClass

COVERAGES = (0.90, 0.95, 0.99)
_SEEDS = {"val": 0, "test": 1}


def lac_scores(probabilities: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """1 - the class's probability, [N, K]: the smallest sets on average, empty ones where the network is unsure
    (least ambiguous classifier, Sadinle 2019). `draws` are not used."""
    return 1 - probabilities


def aps_scores(probabilities: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """The probability of all likelier classes plus a random part of the class's own, [N, K]: sets that grow with the
    difficulty of the picture (adaptive prediction sets, Romano 2020). draws: float [N], uniform on [0, 1)."""
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, axis=1)
    scores = np.empty_like(ranked)
    np.put_along_axis(scores, order, np.cumsum(ranked, axis=1) - ranked * (1 - draws[:, None]), axis=1)
    return np.minimum(scores, 1.0)


METHODS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {"lac": lac_scores, "aps": aps_scores}


def threshold(scores: np.ndarray, coverage: float) -> float:
    """The ceil((n + 1) coverage)-th smallest of the true classes' scores [n]: a set of all classes whose score is not
    above it holds the true one with probability >= coverage. 1, which lets every class in, when n is too small for the
    promise (below 99 pictures for 99 %)."""
    # Rounded first: 100 * 0.95 must not become 96 for the sake of 1e-14.
    rank = math.ceil(round((len(scores) + 1) * coverage, 9))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else 1.0


def prediction_sets(predictions: Predictions, method: str, limit: float) -> np.ndarray:
    """The classes in each picture's set, bool [N, K], for a `limit` from `threshold`. The random draws of "aps" are
    fixed by the name of the split."""
    return _scores(predictions, method) <= limit


def _scores(predictions: Predictions, method: str) -> np.ndarray:
    draws = np.random.default_rng(_SEEDS[predictions.split]).random(len(predictions.labels))
    return METHODS[method](predictions.probabilities, draws)


def assess(validation: Predictions, test: Predictions) -> list[PredictionSets]:
    """One for each method and promise: thresholds from `validation`, what they keep on `test`.

    coverage: the share of sets that hold the true class, with Wilson's interval; singletons, empty: shares of sets with
    one class and with none; worst_class: the class that is held least often.
    """
    rows = []
    for method in METHODS:
        fitted = np.take_along_axis(_scores(validation, method), validation.labels[:, None], axis=1)[:, 0]
        for promised in COVERAGES:
            limit = threshold(fitted, promised)
            sets = prediction_sets(test, method, limit)
            held, sizes = sets[np.arange(len(sets)), test.labels], sets.sum(axis=1)
            rows.append(PredictionSets(
                method=method, promised=promised, threshold=limit, coverage=share(int(held.sum()), len(held)),
                mean_size=float(sizes.mean()), singletons=float((sizes == 1).mean()), empty=float((sizes == 0).mean()),
                worst_class=_worst_class(test, held)))
    return rows


def _worst_class(test: Predictions, held: np.ndarray) -> WorstClass:
    of_class = {name: held[test.labels == label] for label, name in enumerate(test.classes)}
    rows = [WorstClass(**{"class": name}, coverage=float(kept.mean()), n=len(kept))
            for name, kept in of_class.items() if len(kept)]
    return min(rows, key=lambda row: row.coverage)
