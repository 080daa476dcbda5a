"""Metrics against scikit-learn, torch and slow loops, on random input and on hand-made edge cases."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics as sklearn

from fashionlab.common.errors import DataError
from fashionlab.common.records import Predictions
from fashionlab.evaluation.metrics import COSTS, METRICS, by_name, classification_report, scores
from fashionlab.evaluation.metrics.accuracy import top_k_accuracy
from fashionlab.evaluation.metrics.classes import remarks, uneven


def predictions(logits: object, labels: object) -> Predictions:
    logits, labels = np.asarray(logits, dtype=np.float32), np.asarray(labels, dtype=np.int64)
    classes = tuple(f"class {i}" for i in range(logits.shape[1]))
    return Predictions(logits, labels, np.arange(len(labels)), classes, "test")


def drawn(seed: int, n: int = 400, classes: int = 6) -> Predictions:
    generator = np.random.default_rng(seed)
    logits = 2 * generator.standard_normal((n, classes))
    labels = generator.integers(classes, size=n)
    logits[np.arange(n), labels] += 1.5
    return predictions(logits, labels)


@st.composite
def any_predictions(draw: st.DrawFn) -> Predictions:
    """Few values, so that ties, classes without pictures and classes never predicted are common; some are extreme."""
    n, classes = draw(st.integers(1, 12)), draw(st.integers(2, 7))
    values = st.sampled_from([-1e4, -3.0, -1.0, 0.0, 0.5, 1.0, 2.0, 1e4])
    logits = draw(arrays.arrays(np.float32, (n, classes), elements=values))
    return predictions(logits, draw(arrays.arrays(np.int64, n, elements=st.integers(0, classes - 1))))


def slow(p: Predictions) -> dict[str, float]:
    """Every metric once more, picture by picture and class by class."""
    n, k = p.logits.shape
    rows = torch.from_numpy(p.logits).double()
    probabilities = torch.softmax(rows, dim=1).numpy()
    called = [max(range(k), key=lambda j, row=row: (row[j], -j)) for row in p.logits]
    result: dict[str, float] = {
        "accuracy": sum(c == t for c, t in zip(called, p.labels, strict=True)) / n,
        "nll": float(torch.nn.functional.cross_entropy(rows, torch.from_numpy(p.labels))),
        "brier": sum((probabilities[i][j] - (p.labels[i] == j)) ** 2 for i in range(n) for j in range(k)) / n,
    }
    for top in range(2, 6):
        hits = 0
        for row, true in zip(p.logits, p.labels, strict=True):
            hits += true in sorted(range(k), key=lambda j, row=row: (-row[j], j))[:top]
        result[f"top{top}_accuracy"] = hits / n
    result["ece"] = 0.0
    for b in range(15):
        inside = [i for i in range(n) if b / 15 < probabilities[i].max() <= (b + 1) / 15]
        if inside:
            confidence = np.mean([probabilities[i].max() for i in inside])
            result["ece"] += len(inside) / n * abs(confidence - np.mean([called[i] == p.labels[i] for i in inside]))
    result["ece_equal_mass"] = 0.0
    ranked = sorted(range(n), key=lambda i: probabilities[i].max())
    for b in range(15):
        inside = [i for rank, i in enumerate(ranked) if b / 15 <= rank / n < (b + 1) / 15]
        result["ece_equal_mass"] += abs(sum(probabilities[i].max() - (called[i] == p.labels[i]) for i in inside)) / n
    result["ece_classwise"] = 0.0
    for j in range(k):
        for b in range(15):
            inside = [i for i in range(n) if max(0, math.ceil(probabilities[i][j] * 15) - 1) == b]
            result["ece_classwise"] += abs(sum(probabilities[i][j] - (p.labels[i] == j) for i in inside)) / n / k
    table = []
    for j in range(k):
        hit = sum(c == t == j for c, t in zip(called, p.labels, strict=True))
        answered, true = called.count(j), int((p.labels == j).sum())
        precision, recall = hit / answered if answered else 0.0, hit / true if true else 0.0
        if answered + true:
            table.append((precision, recall, 2 * hit / (answered + true), true))
    for i, name in enumerate(("precision", "recall", "f1")):
        result[f"macro_{name}"] = sum(row[i] for row in table) / len(table)
        result[f"weighted_{name}"] = sum(row[i] * row[3] for row in table) / n
        result[f"micro_{name}"] = result["accuracy"]
    recalls = [row[1] for row in table if row[3]]
    result["balanced_accuracy"] = sum(recalls) / len(recalls)
    return result


def assert_plain(value: object) -> None:
    json.dumps(value, allow_nan=False)


@settings(deadline=None, max_examples=40)
@given(any_predictions())
def test_every_metric_equals_a_slow_loop(p: Predictions) -> None:
    values = scores(p)
    assert_plain(values)
    expected = slow(p)
    assert expected.keys() == METRICS.keys()
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name
    assert np.sum(values["confusion"]) == values["n"] == len(p.labels)


@settings(deadline=None, max_examples=30)
@given(any_predictions())
def test_averages_and_report_are_scikit_learns_default(p: Predictions) -> None:
    """Without `labels`, scikit-learn knows only the classes that have pictures or were answered."""
    called, values = p.logits.argmax(axis=1), scores(p)
    for average in ("macro", "micro", "weighted"):
        expected = sklearn.precision_recall_fscore_support(p.labels, called, average=average, zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), expected[:3], strict=True):
            assert values[f"{average}_{name}"] == pytest.approx(value), (average, name)
    names = np.array(p.classes)
    assert classification_report(p) == sklearn.classification_report(names[p.labels], names[called], digits=4,
                                                                     zero_division=0)
    absent = [name for name in p.classes if name not in {*names[p.labels], *names[called]}]
    assert len(values["per_class"]) == len(p.classes)
    assert len(remarks(p)) == bool(absent)
    assert re.findall("“(.*?)”", "".join(remarks(p))) == absent


def test_a_remark_names_the_classes_that_an_average_leaves_out() -> None:
    some = predictions([[5, 0, 0], [0, 5, 0]], [0, 0])
    assert remarks(some) == ["No picture of the test split is of the class “class 2”, and none was called so: the "
                             "macro averages leave it out."]
    one = Predictions(some.logits[:1], some.labels[:1], some.indices[:1], some.classes, "val")
    assert remarks(one) == ["No picture of the validation split is of the classes “class 1”, “class 2”, and none was "
                            "called so: the macro averages leave them out."]
    assert remarks(drawn(0)) == []


@pytest.mark.parametrize("seed", range(3))
def test_scores_equal_scikit_learn(seed: int) -> None:
    p = drawn(seed)
    values = scores(p)
    called = p.logits.argmax(axis=1)
    assert values["accuracy"] == sklearn.accuracy_score(p.labels, called)
    for k in range(2, 6):
        assert values[f"top{k}_accuracy"] == pytest.approx(sklearn.top_k_accuracy_score(p.labels, p.logits, k=k))
    for name in ("f1", "precision", "recall"):
        oracle = getattr(sklearn, f"{name}_score")
        for average in ("macro", "micro", "weighted"):
            assert values[f"{average}_{name}"] == pytest.approx(oracle(p.labels, called, average=average))
    assert values["nll"] == pytest.approx(sklearn.log_loss(p.labels, p.probabilities, labels=range(6)))
    one_against_rest = [sklearn.brier_score_loss(p.labels == j, p.probabilities[:, j]) for j in range(6)]
    assert values["brier"] == pytest.approx(sum(one_against_rest))
    assert values["confusion"] == sklearn.confusion_matrix(p.labels, called).tolist()
    f1 = sklearn.f1_score(p.labels, called, average=None)
    assert [row["f1"] for row in values["per_class"]] == pytest.approx(f1.tolist())
    assert [row["support"] for row in values["per_class"]] == np.bincount(p.labels).tolist()
    expected = sklearn.classification_report(p.labels, called, digits=4, target_names=p.classes)
    assert classification_report(p) == expected
    assert "accuracy" in expected


@settings(deadline=None, max_examples=30)
@given(any_predictions())
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true:UserWarning")
@pytest.mark.filterwarnings("ignore:A single label was found:UserWarning")
def test_balanced_accuracy_is_scikit_learns(p: Predictions) -> None:
    expected = sklearn.balanced_accuracy_score(p.labels, p.logits.argmax(axis=1))
    assert scores(p)["balanced_accuracy"] == pytest.approx(expected)


def test_an_answer_of_a_class_without_pictures_lowers_macro_recall_alone() -> None:
    values = scores(predictions([[5, 0, 0], [5, 0, 0], [0, 5, 0], [0, 0, 5]], [0, 0, 1, 1]))
    assert (values["balanced_accuracy"], values["macro_recall"]) == (0.75, 0.5)


@pytest.mark.parametrize(("counts", "expected"), [
    ([100, 100], False), ([150, 100], False), ([151, 100], True), ([150, 0, 100], False), ([7], False), ([], False),
    ([80, 16, 4], True),
])
def test_classes_are_uneven_above_one_and_a_half(counts: list[int], expected: bool) -> None:
    assert uneven(counts) == expected


def test_a_class_never_predicted_and_one_without_support() -> None:
    p = predictions([[5, 0, 0, 1], [5, 0, 0, 1], [0, 0, 0, 9]], [0, 1, 0])
    values = scores(p)
    assert [row["precision"] for row in values["per_class"]] == [0.5, 0, 0, 0]
    assert [row["recall"] for row in values["per_class"]] == [0.5, 0, 0, 0]
    assert [row["support"] for row in values["per_class"]] == [2, 1, 0, 0]
    assert values["confusion"] == [[1, 0, 0, 1], [1, 0, 0, 0], [0] * 4, [0] * 4]
    assert values["macro_f1"] == pytest.approx(0.5 / 3), "of a class without pictures and answers there is no score"
    report = classification_report(p)
    assert "class 2" not in report
    assert "class 3     0.0000    0.0000    0.0000         0" in report
    assert "accuracy                         0.3333         3" in report


def test_one_picture_perfectly_and_wrongly_named() -> None:
    right = scores(predictions([[1e4, -1e4, 0]], [0]))
    assert (right["accuracy"], right["nll"], right["brier"], right["ece"]) == (1, 0, 0, 0)
    wrong = scores(predictions([[1e4, -1e4, 0]], [1]))
    assert (wrong["accuracy"], wrong["nll"], wrong["brier"], wrong["ece"]) == (0, 2e4, 2, 1)


def test_perfect_predictions() -> None:
    labels = np.arange(30) % 3
    values = scores(predictions(1e4 * np.eye(3)[labels], labels))
    for name, metric in METRICS.items():
        assert values[name] == (1 if metric.higher_is_better else 0), name


def test_ties_go_to_the_lowest_class() -> None:
    p = predictions(np.zeros((4, 4)), [0, 1, 2, 3])
    assert [top_k_accuracy(p, k) for k in (1, 2, 3, 4)] == [0.25, 0.5, 0.75, 1]
    values = scores(p)
    assert values["accuracy"] == 0.25
    assert values["nll"] == pytest.approx(math.log(4))
    assert values["brier"] == pytest.approx(0.75)
    assert values["ece"] == pytest.approx(0)


def test_top_k_beyond_the_classes_is_one() -> None:
    values = scores(predictions([[0, 1], [1, 0]], [0, 1]))
    assert values["accuracy"] == 0
    assert values["top2_accuracy"] == values["top5_accuracy"] == 1


@pytest.mark.parametrize(
    ("p", "message"),
    [
        (predictions(np.zeros((0, 3)), []), "no pictures"),
        (predictions([[0, 0], [math.nan, 1]], [0, 1]), "picture 1 are not finite"),
        (predictions([[0, math.inf]], [0]), "picture 0 are not finite"),
        (predictions([[0, 1]], [2]), "labels from 2 to 2, expected 0 to 1"),
        (predictions([[0, 1]], [-1]), "labels from -1"),
    ],
)
def test_unusable_predictions_are_refused(p: Predictions, message: str) -> None:
    for function in (scores, classification_report):
        with pytest.raises(DataError, match=message):
            function(p)


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="'accuracy' is registered twice"):
        by_name([*METRICS.values(), METRICS["accuracy"]])


def test_a_cost_is_no_score_of_predictions() -> None:
    with pytest.raises(TypeError, match="train_seconds is a cost"):
        COSTS["train_seconds"](drawn(0))


def test_records_need_neither_scipy_nor_scikit_learn() -> None:
    code = ("import sys; from fashionlab.evaluation.metrics import METRICS; "
            "print(len(METRICS), *{'scipy', 'sklearn', 'torch'} & set(sys.modules))")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == [str(len(METRICS))]
