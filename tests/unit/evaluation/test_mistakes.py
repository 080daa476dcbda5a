"""Mistakes, confused pairs and second thoughts, against slow loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fashionlab.common.records import Predictions
from fashionlab.evaluation.metrics import confusion
from fashionlab.evaluation.mistakes import confidence, confident_mistakes, confused_pairs, runner_up


def predictions(logits: np.ndarray, labels: list[int]) -> Predictions:
    logits = np.asarray(logits, dtype=np.float32)
    return Predictions(logits, np.array(labels, dtype=np.int64), np.arange(len(labels)),
                       tuple(f"class {i}" for i in range(logits.shape[1])), "test")


@st.composite
def any_predictions(draw: st.DrawFn) -> Predictions:
    """Few different values, so that ties are frequent; 1 to 30 pictures of 2 to 5 classes."""
    n, k = draw(st.integers(1, 30)), draw(st.integers(2, 5))
    logits = draw(arrays(np.float32, (n, k), elements=st.sampled_from([-2.0, -1.0, 0.0, 0.5, 3.0])))
    return predictions(logits, draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n)))


@given(any_predictions())
def test_confident_mistakes_are_what_a_loop_finds(drawn: Predictions) -> None:
    mistakes = []
    for row, (values, label) in enumerate(zip(drawn.probabilities.tolist(), drawn.labels.tolist(), strict=True)):
        best = max(range(len(values)), key=lambda j: (drawn.logits[row, j], -j))
        if best != label:
            mistakes.append((-values[best], row))
    assert confident_mistakes(drawn).tolist() == [row for _, row in sorted(mistakes)]
    assert confident_mistakes(drawn, 3).tolist() == [row for _, row in sorted(mistakes)][:3]


@given(any_predictions())
def test_confused_pairs_are_the_confusion_matrix(drawn: Predictions) -> None:
    pairs = confused_pairs(drawn)
    matrix = np.array(confusion(drawn))
    np.fill_diagonal(matrix, 0)
    assert {(pair.true, pair.predicted): pair.count for pair in pairs} == {
        (i, j): matrix[i, j] for i, j in zip(*np.nonzero(matrix), strict=True)}
    keys = [(-pair.count, pair.true, pair.predicted) for pair in pairs]
    assert keys == sorted(keys)
    for pair in pairs:
        assert pair.share == pair.count / (drawn.labels == pair.true).sum()
        assert (drawn.labels[pair.positions] == pair.true).all()
        assert (drawn.predicted[pair.positions] == pair.predicted).all()
        assert len(pair.positions) == pair.count
        assert (np.diff(confidence(drawn)[pair.positions]) <= 0).all()
    assert [(p.true, p.predicted) for p in confused_pairs(drawn, 2)] == [(p.true, p.predicted) for p in pairs[:2]]


@given(any_predictions())
def test_the_runner_up_is_second_when_sorted(drawn: Predictions) -> None:
    for row, second in enumerate(runner_up(drawn).tolist()):
        order = sorted(range(len(drawn.classes)), key=lambda j: (-drawn.logits[row, j], j))
        assert [int(drawn.predicted[row]), second] == order[:2]


def test_by_hand() -> None:
    drawn = predictions([[2, 0, 0], [3, 0, 1], [0, 1, 0], [5, 1, 0], [0, 0, 4]], [1, 1, 1, 2, 0])
    assert confident_mistakes(drawn).tolist() == [3, 4, 1, 0]
    first = confused_pairs(drawn)[0]
    assert (first.true, first.predicted, first.count, first.share) == (1, 0, 2, pytest.approx(2 / 3))
    assert first.positions.tolist() == [1, 0]


def test_no_mistakes_and_no_pictures() -> None:
    perfect = predictions([[1, 0], [0, 1]], [0, 1])
    assert confident_mistakes(perfect).tolist() == [] and confused_pairs(perfect) == []
    nothing = predictions(np.zeros((0, 3)), [])
    assert confident_mistakes(nothing).tolist() == [] and confused_pairs(nothing) == []
    assert runner_up(nothing).tolist() == []
