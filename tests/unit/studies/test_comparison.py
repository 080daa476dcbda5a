"""Comparisons: numbers against scikit-learn, scipy, statsmodels and counting by hand; refusals with their reasons."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, recall_score
from statsmodels.stats.contingency_tables import cochrans_q, mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from compared_runs import CLASSES, COST, logits_of, write_run
from fashionlab.common.errors import DataError, UsageError
from fashionlab.runs.comparable import load_comparable, remarks
from fashionlab.runs.folder import RunFolder
from fashionlab.studies.comparison import Comparison, compare, pareto_front

N = 300
LABELS = np.arange(N) % 3


def answers(share_right: float, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return np.where(draw.random(N) < share_right, LABELS, (LABELS + draw.integers(1, 3, N)) % 3)


def compared(*paths: Path) -> Comparison:
    return compare(load_comparable(paths))


@pytest.fixture
def three(tmp_path: Path) -> tuple[Comparison, list[np.ndarray]]:
    given = [answers(share, seed) for seed, share in enumerate((0.9, 0.8, 0.6))]
    paths = [write_run(tmp_path / name, logits_of(answer), LABELS, seed=seed)
             for seed, (name, answer) in enumerate(zip("abc", given, strict=True))]
    return compared(*paths), given


def test_scores(three: tuple[Comparison, list[np.ndarray]]):
    for candidate, answer in zip(three[0].candidates, three[1], strict=True):
        right = int((answer == LABELS).sum())
        assert candidate.n == N
        assert candidate.accuracy.estimate == pytest.approx(accuracy_score(LABELS, answer))
        assert (candidate.accuracy.low, candidate.accuracy.high) == pytest.approx(
            proportion_confint(right, N, method="wilson"))
        assert candidate.scores["macro_f1"] == pytest.approx(f1_score(LABELS, answer, average="macro"))
        assert [one.accuracy for one in candidate.per_class] == pytest.approx(
            list(recall_score(LABELS, answer, average=None)))
        assert [one.f1 for one in candidate.per_class] == pytest.approx(list(f1_score(LABELS, answer, average=None)))
        assert [one.name for one in candidate.per_class] == list(CLASSES)


def test_pairs(three: tuple[Comparison, list[np.ndarray]]):
    found, given = three
    right = [answer == LABELS for answer in given]
    expected = []
    for i, j in itertools.combinations(range(3), 2):
        both = [[(right[i] & right[j]).sum(), (right[i] & ~right[j]).sum()],
                [(~right[i] & right[j]).sum(), (~right[i] & ~right[j]).sum()]]
        expected.append(mcnemar(both, exact=True).pvalue)
    holm = multipletests(expected, method="holm")[1]
    assert [(pair.first, pair.second) for pair in found.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    places = itertools.combinations(range(3), 2)
    for pair, (i, j), p, corrected in zip(found.pairs, places, expected, holm, strict=True):
        assert (pair.p, pair.p_holm) == pytest.approx((p, corrected))
        assert pair.difference.estimate == pytest.approx(right[j].mean() - right[i].mean())
        assert (pair.only_first, pair.only_second) == ((right[i] & ~right[j]).sum(), (right[j] & ~right[i]).sum())
        assert pair.agreement == pytest.approx(np.mean(given[i] == given[j]))
        slow = stats.bootstrap((right[j].astype(float) - right[i],), np.mean, n_resamples=2000,
                               rng=np.random.default_rng(1)).confidence_interval
        assert (pair.difference.low, pair.difference.high) == pytest.approx((slow.low, slow.high), abs=0.01)
    assert found.cochran is not None
    oracle = cochrans_q(np.stack(right, axis=1).astype(int))
    assert (found.cochran.statistic, found.cochran.p) == pytest.approx((oracle.statistic, oracle.pvalue))


def test_identical_runs_differ_in_nothing(tmp_path: Path):
    logits = logits_of(answers(0.8, 0))
    found = compared(*(write_run(tmp_path / name, logits, LABELS) for name in "ab"))
    pair = found.pairs[0]
    assert (pair.p, pair.p_holm, pair.only_first, pair.only_second, pair.agreement) == (1.0, 1.0, 0, 0, 1.0)
    assert (pair.difference.estimate, pair.difference.low, pair.difference.high) == (0, 0, 0)
    assert not len(found.answers.disagreed) and not found.differing and found.cochran is None
    assert any("b has the recipe and the seed of a" in remark for remark in found.remarks)
    assert found.groups[0].labels == ("a",) and not found.seed_pairs


def test_all_right_and_all_wrong(tmp_path: Path):
    found = compared(write_run(tmp_path / "good", logits_of(LABELS), LABELS),
                     write_run(tmp_path / "bad", logits_of((LABELS + 1) % 3), LABELS, seed=1))
    assert found.pairs[0].difference.estimate == -1 and found.pairs[0].p < 1e-80
    assert len(found.answers.disagreed) == N


def test_over_seeds(tmp_path: Path):
    """Two recipes, three shared seeds: differences, t interval and the permutation test counted by hand."""
    right = {"mlp": [200, 210, 220], "linear": [180, 195, 190]}
    paths = []
    for name, counts in right.items():
        for seed, count in enumerate(counts):
            answer = np.where(np.arange(N) < count, LABELS, (LABELS + 1) % 3)
            paths.append(write_run(tmp_path / f"{name}-s{seed}-2026", logits_of(answer), LABELS, seed=seed,
                                   recipe=f"three-{name}"))
    found = compared(*paths)
    assert [(group.name, group.seeds) for group in found.groups] == [("mlp", (0, 1, 2)), ("linear", (0, 1, 2))]
    for group in found.groups:
        mean = np.mean(right[group.name]) / N
        low, high = stats.t.interval(0.95, 2, mean, stats.sem(np.array(right[group.name]) / N))
        assert group.mean is not None
        assert (group.mean.estimate, group.mean.low, group.mean.high) == pytest.approx((mean, low, high))
    (pair,) = found.seed_pairs
    differences = np.array([-20, -15, -30]) / N
    assert pair.differences == pytest.approx(differences)
    signs = [abs(np.mean(differences * flips)) for flips in itertools.product((1, -1), repeat=3)]
    assert pair.p == pytest.approx(np.mean(np.array(signs) >= abs(differences.mean()) - 1e-12))
    assert pair.p == pair.smallest_p == 0.25
    t = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (pair.difference.low, pair.difference.high) == pytest.approx((t.low, t.high))


def test_only_shared_seeds_count(tmp_path: Path):
    runs = [("mlp", 0), ("mlp", 1), ("mlp", 7), ("linear", 1), ("linear", 2)]
    paths = [write_run(tmp_path / f"{name}-s{seed}", logits_of(answers(0.7, seed)), LABELS, seed=seed,
                       recipe=f"three-{name}") for name, seed in runs]
    assert not compared(*paths).seed_pairs
    paths.append(write_run(tmp_path / "linear-s7", logits_of(answers(0.6, 9)), LABELS, seed=7, recipe="three-linear"))
    (pair,) = compared(*paths).seed_pairs
    assert pair.seeds == (1, 7) and pair.smallest_p == 0.5


def test_the_mean_of_two_seeds_stays_within_0_and_1(tmp_path: Path):
    found = compared(*(write_run(tmp_path / f"a-s{seed}", logits_of(answers(share, seed)), LABELS, seed=seed)
                       for seed, share in enumerate((0.2, 0.9))))
    assert found.groups[0].mean is not None
    assert (found.groups[0].mean.low, found.groups[0].mean.high) == (0, 1)


def test_what_is_said_of_a_recipe_does_not_part_a_group(tmp_path: Path):
    changes = [], ["description=other words"], ["optimizer.lr=0.5"]
    found = compared(*(write_run(tmp_path / "abc"[seed], logits_of(LABELS), LABELS, seed=seed, overrides=change)
                       for seed, change in enumerate(changes)))
    assert [group.labels for group in found.groups] == [("a", "b"), ("c",)]
    assert found.differing == {"optimizer.lr": (0.1, 0.1, 0.5), "seed": (0, 1, 2)}


def test_the_most_telling_disagreement_comes_first(tmp_path: Path):
    """The second-surest answer decides: both answers must be sure."""
    labels = np.array([0, 0, 0, 0])
    sure_a, sure_b = np.array([9.0, 2.0, 5.0, 9.0]), np.array([9.0, 9.0, 5.0, 0.5])
    found = compared(write_run(tmp_path / "a", logits_of([0, 0, 1, 0], sure_a), labels),
                     write_run(tmp_path / "b", logits_of([0, 1, 0, 2], sure_b), labels, seed=1))
    assert found.answers.disagreed.tolist() == [2, 1, 3]


def test_names_in_different_folders_are_told_apart(tmp_path: Path):
    paths = [write_run(tmp_path / folder / "run", logits_of(LABELS), LABELS, seed=seed)
             for seed, folder in enumerate(("x", "y"))]
    assert compared(*paths).labels == ["x/run", "y/run"]


def test_cost_and_calibration_are_read_or_unknown(tmp_path: Path):
    scaled = {"nll": {"estimate": 0.3, "low": 0.2, "high": 0.4}, "ece": {"estimate": 0.01, "low": 0.0, "high": 0.02}}
    calibration = {"temperature": 1.5, "methods": {"temperature": scaled}}
    found = compared(write_run(tmp_path / "a", logits_of(LABELS), LABELS, cost=COST, calibration=calibration),
                     write_run(tmp_path / "b", logits_of(LABELS), LABELS, seed=1, calibration=None))
    one, other = found.candidates
    assert (one.cost.latency_ms, one.cost.macs, one.cost.weight_bytes) == (0.5, 7940, 32_000)
    assert (other.cost.latency_ms, other.cost.macs, other.cost.weight_bytes) == (None, None, None)
    assert other.cost.train_seconds == 2.0 and other.cost.parameters == 7960
    assert (one.temperature, one.nll_scaled, one.ece_scaled) == (1.5, 0.3, 0.01)
    assert (other.temperature, other.nll_scaled, other.ece_scaled) == (None, None, None)


def test_prediction_timed_elsewhere_is_remarked_on(tmp_path: Path):
    costs = [{**COST, "threads": threads} for threads in (2, 2, 8)]
    found = compared(*(write_run(tmp_path / "abc"[seed], logits_of(LABELS), LABELS, seed=seed, cost=cost)
                       for seed, cost in enumerate(costs)))
    assert found.remarks == ("Prediction was timed on different machines or settings (a processor, 2 threads: a, b; "
                             "a processor, 8 threads: c): latency and speed do not compare.",)


def test_the_summary_is_json(three: tuple[Comparison, list[np.ndarray]]):
    found, given = three
    plain = json.loads(json.dumps(found.summary(), allow_nan=False))
    assert [run["label"] for run in plain["runs"]] == ["a", "b", "c"] and len(plain["pairs"]) == 3
    right = np.stack([answer == LABELS for answer in given]).sum(axis=0)
    assert (plain["all_right"], plain["none_right"]) == ((right == 3).sum(), (right == 0).sum())


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_the_front_is_what_no_run_beats(points: list[tuple[int, int]]):
    costs, accuracies = np.array(points, dtype=float).T
    slow = [not any(c <= cost and a >= accuracy and (c, a) != (cost, accuracy) for c, a in points)
            for cost, accuracy in points]
    front = pareto_front(costs, accuracies)
    assert front.tolist() == slow and front.any()


# Refusals

def test_two_different_runs_are_needed(tmp_path: Path):
    run = write_run(tmp_path / "a", logits_of(LABELS), LABELS)
    with pytest.raises(UsageError, match="at least two runs"):
        load_comparable([run])
    with pytest.raises(UsageError, match="same run as"):
        load_comparable([run, tmp_path / "b" / ".." / "a"])


@pytest.mark.parametrize(("change", "reason"), [
    ({"data": {"sha256": "c" * 64, "source": "elsewhere"}}, "different data: elsewhere .sha256 cccc.* against made up"),
    ({"data": {"split_sha256": "c" * 64, "validation": 9}}, "different splits: data.validation 9 against 6"),
    ({"data": {"split_sha256": "c" * 64}, "overrides": ["data.split_seed=4"]}, "data.split_seed 4 against 0"),
    ({"data": {"split_sha256": "c" * 64}}, "different splits: the hashes"),
    ({"data": {"split_sha256": "c" * 64, "validation": 9, "train": 10}}, "data.validation 9 against 6"),
    ({"classes": ("ankle boot", "bag", "dress")}, "their classes differ"),
    ({"indices": np.arange(N)[::-1]}, "different test pictures: their indices"),
    ({"size": 32, "overrides": ["data.dataset=mnist"]}, "different data: mnist against fashion-mnist"),
])
def test_what_does_not_compare_is_refused(tmp_path: Path, change: dict[str, Any], reason: str):
    paths = [write_run(tmp_path / "a", logits_of(LABELS), LABELS),
             write_run(tmp_path / "b", logits_of(LABELS), LABELS, seed=1, **change)]
    with pytest.raises(DataError, match=f"b cannot be compared with .*a: .*{reason}"):
        load_comparable(paths)


def test_other_test_pictures_are_refused(tmp_path: Path):
    first = write_run(tmp_path / "a", logits_of(LABELS), LABELS)
    fewer = write_run(tmp_path / "b", logits_of(LABELS[:9]), LABELS[:9])
    others = write_run(tmp_path / "c", logits_of(LABELS), (LABELS + 1) % 3)
    with pytest.raises(DataError, match="different test pictures: 9 against 300"):
        load_comparable([first, fewer])
    with pytest.raises(DataError, match="their indices or labels differ"):
        load_comparable([first, others])


def test_an_empty_test_split_is_refused(tmp_path: Path):
    none = np.zeros(0, dtype=np.int64)
    paths = [write_run(tmp_path / name, np.zeros((0, 3), dtype=np.float32), none) for name in "ab"]
    with pytest.raises(DataError, match="test split is empty"):
        load_comparable(paths)


def test_a_single_test_picture_is_compared(tmp_path: Path):
    label = np.array([1])
    found = compared(write_run(tmp_path / "a", logits_of([1]), label), write_run(tmp_path / "b", logits_of([2]), label))
    assert found.pairs[0].p == 1.0 and found.pairs[0].difference.estimate == -1


@pytest.mark.parametrize(("missing", "reason"), [
    ("metrics.json", "has not finished training"), ("predictions/test.npz", "never evaluated on the test split"),
    ("recipe.yaml", "not the folder of a run"), ("environment.json", "environment.json: not readable"),
])
def test_incomplete_runs_are_refused(tmp_path: Path, missing: str, reason: str):
    paths = [write_run(tmp_path / name, logits_of(LABELS), LABELS) for name in "ab"]
    (paths[1] / missing).unlink()
    with pytest.raises(DataError, match=reason):
        load_comparable(paths)


def test_a_run_that_diverged_is_not_told_to_resume(tmp_path: Path):
    paths = [write_run(tmp_path / name, logits_of(LABELS), LABELS) for name in "ab"]
    (paths[1] / "metrics.json").unlink()
    RunFolder(paths[1]).set_status("diverged", reason="the loss became nan at step 7")
    with pytest.raises(DataError, match=r"diverged .*nan at step 7") as caught:
        load_comparable(paths)
    assert "--resume" not in str(caught.value)


def test_broken_records_are_named(tmp_path: Path):
    paths = [write_run(tmp_path / name, logits_of(LABELS), LABELS) for name in "ab"]
    (paths[1] / "predictions" / "test.npz").write_bytes(b"PK broken")
    with pytest.raises(DataError, match=r"test.npz: no readable predictions"):
        load_comparable(paths)
    (paths[1] / "environment.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"b/environment.json: does not say which data"):
        load_comparable(paths)


def test_logits_that_are_not_finite_are_refused(tmp_path: Path):
    good = write_run(tmp_path / "a", logits_of(LABELS), LABELS)
    bad = write_run(tmp_path / "b", logits_of(LABELS), LABELS)
    broken = logits_of(LABELS)
    broken[5, 1] = np.nan
    np.savez(bad / "predictions" / "test.npz", logits=broken, labels=LABELS, indices=np.arange(N),
             classes=np.array(CLASSES), split=np.array("test"))
    with pytest.raises(DataError, match="picture 5 are not finite"):
        compared(good, bad)


# Remarks: compared, but the reader must know

@pytest.mark.parametrize(("change", "remark"), [
    ({"data": {"split_sha256": "c" * 64, "train": 30}, "overrides": ["data.limit=30"]},
     r"different numbers of pictures \(60: a; 30: b\)"),
    ({"data": {"sha256": "c" * 64}, "size": 32}, r"different forms \(28 x 28 grey: a; 32 x 32 grey: b\)"),
    ({"machine": {"threads": 4}}, "training times do not compare"),
    ({"machine": {"precision": "bfloat16"}}, r"number formats differ \(float32: a; bfloat16: b\)"),
])
def test_remarks(tmp_path: Path, change: dict[str, Any], remark: str):
    paths = [write_run(tmp_path / "a", logits_of(LABELS), LABELS),
             write_run(tmp_path / "b", logits_of(LABELS), LABELS, seed=1, **change)]
    (found,) = remarks(load_comparable(paths))
    assert re.search(remark, found)
