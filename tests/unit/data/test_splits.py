from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from fashionlab.common.errors import UsageError
from fashionlab.data import limit, make_split

LABELS = st.lists(st.integers(0, 5), min_size=1, max_size=120).map(np.array)


@given(labels=LABELS, data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_every_split_is_a_partition_in_proportion(labels: np.ndarray, data: st.DataObject, seed: int) -> None:
    counts = np.bincount(labels)
    validation = data.draw(st.integers(0, len(labels) - np.count_nonzero(counts)))
    split = make_split(labels, validation, seed)
    assert len(split.validation) == validation
    np.testing.assert_array_equal(np.sort(np.concatenate([split.train, split.validation])), np.arange(len(labels)))
    assert (np.diff(split.train) > 0).all() and (np.diff(split.validation) > 0).all()
    taken = np.bincount(labels[split.validation], minlength=len(counts))
    assert (taken[counts > 0] < counts[counts > 0]).all()  # a training picture is left in every class
    share = counts * validation / len(labels)
    roomy = share <= counts - 1  # the others give up to classes with room
    if roomy[counts > 0].all():
        assert (np.abs(taken - share) < 1).all()
    assert make_split(labels, validation, seed).sha256 == split.sha256


@given(labels=LABELS, data=st.data())
def test_a_limit_is_a_subset_in_proportion(labels: np.ndarray, data: st.DataObject) -> None:
    split = make_split(labels, 0, 1)
    n = data.draw(st.integers(1, len(labels)))
    limited = limit(split, labels, n, 2)
    assert len(limited.train) == n and set(limited.train) <= set(split.train)
    assert limited.validation is split.validation
    counts = np.bincount(labels)
    assert (np.abs(np.bincount(labels[limited.train], minlength=len(counts)) - counts * n / len(labels)) < 1).all()


def test_the_same_on_every_machine() -> None:
    # The first hash was computed on Linux with numpy 2.4; another value anywhere is another split of everybody's runs.
    labels = np.arange(60000) % 10
    assert make_split(labels, 6000, 42).sha256 == EXPECTED
    assert make_split(labels, 0.1, 42).sha256 == EXPECTED
    assert make_split(labels, 6000, 43).sha256 != EXPECTED


EXPECTED = "4464ff7e0ecce842278711e09f85428081b855da102663579c529ed83f48b9f3"


def test_counts_are_those_of_scikit_learn() -> None:
    labels = np.repeat([0, 1, 2], [500, 300, 200])
    split = make_split(labels, 100, 0)
    _, expected = train_test_split(np.arange(1000), test_size=100, stratify=labels, random_state=0)
    np.testing.assert_array_equal(np.bincount(labels[split.validation]), np.bincount(labels[expected]))


def test_pictures_are_drawn_evenly() -> None:
    labels = np.zeros(100, dtype=int)
    drawn = np.zeros(100)
    for seed in range(400):
        drawn[make_split(labels, 20, seed).validation] += 1
    assert drawn.min() > 45 and drawn.max() < 115  # 80 expected, deviation 8


@pytest.mark.parametrize("validation", [11, -1, 1.0, -0.1, 9])
def test_impossible_splits(validation: float) -> None:
    with pytest.raises(UsageError, match="validation"):
        make_split(np.arange(10) % 2, validation, 0)


@pytest.mark.parametrize("n", [0, 11])
def test_impossible_limits(n: int) -> None:
    labels = np.arange(10) % 2
    with pytest.raises(UsageError, match="limit"):
        limit(make_split(labels, 0, 0), labels, n, 0)
