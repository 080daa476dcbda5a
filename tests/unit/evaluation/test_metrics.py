"""Metrics against scikit-learn, torch and slow loops, on random input and on hand-made edge cases."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics as sklearn

from fashionlab.common.errors import DataError
from fashionlab.common.records import Predictions
from fashionlab.evaluation.metrics import METRICS, classification_report, metric, scores, top_k_accuracy


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
        said, true = called.count(j), int((p.labels == j).sum())
        precision, recall = hit / said if said else 0.0, hit / true if true else 0.0
        table.append((precision, recall, 2 * hit / (said + true) if said + true else 0.0, true))
    for i, name in enumerate(("precision", "recall", "f1")):
        result[f"macro_{name}"] = sum(row[i] for row in table) / k
        result[f"weighted_{name}"] = sum(row[i] * row[3] for row in table) / n
        result[f"micro_{name}"] = result["accuracy"]
    return result


def assert_plain(value: object) -> None:
    json.dumps(value, allow_nan=False)


@settings(deadline=None, max_examples=40)
@given(any_predictions())
def test_every_metric_equals_a_slow_loop(p: Predictions) -> None:
    found = scores(p)
    assert_plain(found)
    expected = slow(p)
    assert expected.keys() == METRICS.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name
    assert np.sum(found["confusion"]) == found["n"] == len(p.labels)


@pytest.mark.parametrize("seed", range(3))
def test_scores_equal_scikit_learn(seed: int) -> None:
    p = drawn(seed)
    found = scores(p)
    called = p.logits.argmax(axis=1)
    assert found["accuracy"] == sklearn.accuracy_score(p.labels, called)
    for k in range(2, 6):
        assert found[f"top{k}_accuracy"] == pytest.approx(sklearn.top_k_accuracy_score(p.labels, p.logits, k=k))
    for name in ("f1", "precision", "recall"):
        oracle = getattr(sklearn, f"{name}_score")
        for average in ("macro", "micro", "weighted"):
            assert found[f"{average}_{name}"] == pytest.approx(oracle(p.labels, called, average=average))
    assert found["nll"] == pytest.approx(sklearn.log_loss(p.labels, p.probabilities, labels=range(6)))
    one_against_rest = [sklearn.brier_score_loss(p.labels == j, p.probabilities[:, j]) for j in range(6)]
    assert found["brier"] == pytest.approx(sum(one_against_rest))
    assert found["confusion"] == sklearn.confusion_matrix(p.labels, called).tolist()
    f1 = sklearn.f1_score(p.labels, called, average=None)
    assert [row["f1"] for row in found["per_class"]] == pytest.approx(f1.tolist())
    assert [row["support"] for row in found["per_class"]] == np.bincount(p.labels).tolist()
    expected = sklearn.classification_report(p.labels, called, digits=4, target_names=p.classes)
    assert classification_report(p) == expected
    assert "accuracy" in expected


def test_a_class_never_predicted_and_one_without_support() -> None:
    p = predictions([[5, 0, 0, 1], [5, 0, 0, 1], [0, 0, 0, 9]], [0, 1, 0])
    found = scores(p)
    assert [row["precision"] for row in found["per_class"]] == [0.5, 0, 0, 0]
    assert [row["recall"] for row in found["per_class"]] == [0.5, 0, 0, 0]
    assert [row["support"] for row in found["per_class"]] == [2, 1, 0, 0]
    assert found["confusion"] == [[1, 0, 0, 1], [1, 0, 0, 0], [0] * 4, [0] * 4]
    assert found["macro_f1"] == pytest.approx(0.5 / 4)
    report = classification_report(p)
    assert "class 2     0.0000    0.0000    0.0000         0" in report
    assert "accuracy                         0.3333         3" in report


def test_one_picture_perfectly_and_wrongly_named() -> None:
    right = scores(predictions([[1e4, -1e4, 0]], [0]))
    assert (right["accuracy"], right["nll"], right["brier"], right["ece"]) == (1, 0, 0, 0)
    wrong = scores(predictions([[1e4, -1e4, 0]], [1]))
    assert (wrong["accuracy"], wrong["nll"], wrong["brier"], wrong["ece"]) == (0, 2e4, 2, 1)


def test_perfect_predictions() -> None:
    labels = np.arange(30) % 3
    found = scores(predictions(1e4 * np.eye(3)[labels], labels))
    for name in METRICS:
        assert found[name] == (0 if name in ("nll", "brier") or name.startswith("ece") else 1), name


def test_ties_go_to_the_lowest_class() -> None:
    p = predictions(np.zeros((4, 4)), [0, 1, 2, 3])
    assert [top_k_accuracy(p, k) for k in (1, 2, 3, 4)] == [0.25, 0.5, 0.75, 1]
    found = scores(p)
    assert found["accuracy"] == 0.25
    assert found["nll"] == pytest.approx(math.log(4))
    assert found["brier"] == pytest.approx(0.75)
    assert found["ece"] == pytest.approx(0)


def test_top_k_beyond_the_classes_is_one() -> None:
    found = scores(predictions([[0, 1], [1, 0]], [0, 1]))
    assert found["accuracy"] == 0
    assert found["top2_accuracy"] == found["top5_accuracy"] == 1


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


def test_a_metric_is_registered_once() -> None:
    with pytest.raises(ValueError, match="'accuracy' is registered twice"):
        metric("accuracy")(lambda p: 0.0)
