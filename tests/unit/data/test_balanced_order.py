"""The balanced sampler: even classes, no picture of a class twice before all of them once, an order that is a function
of seed and epoch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fashionlab.common.records import PictureSet
from fashionlab.data import ResidentPictures

LABELS = st.lists(st.integers(0, 5), min_size=1, max_size=60)


def resident(labels: list[int]) -> ResidentPictures:
    """One picture for each of `labels`, of six classes, some of which may have none."""
    pictures = PictureSet(np.zeros((len(labels), 1, 2, 2), dtype=np.uint8), np.array(labels), tuple("abcdef"), "test")
    return ResidentPictures.from_set(pictures, np.arange(len(labels)), "cpu")


def batches(labels: list[int], batch_size: int, **options: int) -> list[list[int]]:
    options = {"seed": 5, "epoch": 2, **options}
    dealt = resident(labels).batches(batch_size, **options, balanced=True)  # type: ignore[arg-type]
    return [positions.tolist() for positions, _, _ in dealt]


def epoch(labels: list[int], **options: int) -> list[int]:
    return list(itertools.chain.from_iterable(batches(labels, len(labels), **options)))


@given(LABELS, st.integers(0, 3))
def test_classes_differ_by_one_picture_and_pictures_of_a_class_by_one_time(labels: list[int], number: int) -> None:
    dealt = epoch(labels, epoch=number)
    assert len(dealt) == len(labels)
    of_class = [sum(labels[position] == label for position in dealt) for label in set(labels)]
    assert max(of_class) - min(of_class) <= 1
    for label in set(labels):
        times = [dealt.count(position) for position in range(len(labels)) if labels[position] == label]
        assert max(times) - min(times) <= 1


@given(LABELS, st.integers(1, 60), st.integers(1, 4))
def test_ranks_share_the_batches_of_one_process(labels: list[int], batch_size: int, world_size: int) -> None:
    batch_size = min(batch_size, len(labels))
    world_size = min(world_size, batch_size)
    ranks = [batches(labels, batch_size, rank=rank, world_size=world_size) for rank in range(world_size)]
    together = [list(itertools.chain.from_iterable(parts)) for parts in zip(*ranks, strict=True)]
    assert list(itertools.chain.from_iterable(together)) == epoch(labels)


@given(LABELS, st.integers(1, 60), st.integers(0, 60))
def test_starting_at_a_step_gives_the_rest(labels: list[int], batch_size: int, start: int) -> None:
    batch_size = min(batch_size, len(labels))
    assert batches(labels, batch_size, start_step=start) == batches(labels, batch_size)[start:]


def test_order_depends_on_seed_and_epoch_only() -> None:
    labels = [0] * 40 + [1] * 9 + [4]
    first = epoch(labels)
    torch.manual_seed(1)
    assert epoch(labels) == first
    assert epoch(labels, epoch=3) != first and epoch(labels, seed=6) != first
    assert sorted(labels[position] for position in first[:10]) != [labels[position] for position in first[:10]], \
        "classes do not come one after another"


def test_over_epochs_every_picture_of_a_large_class_comes_and_every_class_has_the_extra_picture() -> None:
    labels = [0] * 40 + [1] * 9 + [4]
    epochs = [epoch(labels, epoch=number) for number in range(30)]
    assert set(itertools.chain.from_iterable(epochs)) == set(range(50))
    fewest = {min((0, 1, 4), key=[labels[position] for position in dealt].count) for dealt in epochs}
    assert fewest == {0, 1, 4}, "which classes have one more is drawn"


def test_labels_come_with_their_positions() -> None:
    labels = [0, 0, 0, 0, 0, 3]
    for positions, _, dealt in resident(labels).batches(3, seed=0, epoch=0, balanced=True):
        assert dealt.tolist() == [labels[position] for position in positions]


def test_a_pool_is_refused() -> None:
    with pytest.raises(ValueError, match="pool"):
        resident([0, 1]).batches(1, seed=0, epoch=0, balanced=True, pool=torch.tensor([0]))
