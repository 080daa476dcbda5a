"""What drift is measured against."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from fashionlab.deploy.reference import Reference, statistics
from fashionlab.deploy.rules import Answers

DRAW = np.random.default_rng(0)


def answers(n: int) -> Answers:
    probabilities = DRAW.dirichlet(np.ones(3), n).astype(np.float32)
    return Answers(probabilities, probabilities > 0.2, np.zeros(n), np.zeros(n, bool))


def test_statistics_are_those_of_a_slow_loop() -> None:
    pictures, sample = DRAW.integers(0, 256, (6, 2, 5, 5), dtype=np.uint8), answers(6)
    figures = statistics(pictures, sample, np.arange(6.0))
    for row, picture in enumerate(pictures):
        values = [int(value) for value in picture.flatten()]
        assert np.isclose(figures["brightness"][row], sum(values) / len(values) / 255)
        assert np.isclose(figures["ink"][row], sum(value > 25 for value in values) / len(values))
    np.testing.assert_array_equal(figures["confidence"], sample.probabilities.max(axis=1))
    assert {values.dtype for values in figures.values()} == {np.dtype(np.float32)}


def test_the_reference_keeps_every_value_and_the_shares_of_the_classes() -> None:
    sample = answers(50)
    reference = Reference.of({"ink": DRAW.random(50)}, sample)
    assert (np.diff(reference.values["ink"]) >= 0).all()
    assert np.isclose(reference.classes.sum(), 1)
    assert reference.classes[1] == (sample.probabilities.argmax(axis=1) == 1).mean()


def test_different_values_fall_into_ten_equal_bins() -> None:
    edges, shares = Reference({"ink": np.sort(DRAW.random(1000))}, np.ones(1)).histogram("ink")
    assert len(edges) == 11
    np.testing.assert_allclose(shares, 0.1, atol=1e-3)


@given(arrays(np.float32, st.integers(1, 60), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])))
def test_no_bin_is_empty_however_many_values_are_equal(values: np.ndarray) -> None:
    edges, shares = Reference({"ink": np.sort(values)}, np.ones(1)).histogram("ink")
    assert len(shares) == len(edges) - 1 and (np.diff(edges) > 0).all()
    assert (shares > 0).all() and np.isclose(shares.sum(), 1)
