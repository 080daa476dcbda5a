"""Skipping easy pictures: the pool is what a sort of the last losses gives, whatever the processes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fashionlab import recipes
from fashionlab.common.errors import UsageError
from fashionlab.recipes.selection import SelectionSettings
from fashionlab.training.distributed import World
from fashionlab.training.selection import Selection


def _selection(count: int, keep: float = 0.5, after: int = 1) -> Selection:
    return Selection(SelectionSettings(keep=keep, after=after), count, torch.device("cpu"))


@given(losses=st.lists(st.floats(0, 100, width=32), min_size=2, max_size=30, unique=True), keep=st.floats(0.05, 0.95))
def test_the_pool_is_the_hardest_share(losses: list[float], keep: float) -> None:
    selection = _selection(len(losses), keep)
    selection.record(torch.arange(len(losses)), torch.tensor(losses))
    selection.choose(1, World())
    hardest = sorted(range(len(losses)), key=lambda i: -losses[i])[: max(1, round(keep * len(losses)))]
    assert selection.pool is not None and selection.pool.tolist() == hardest


def test_all_pictures_until_after() -> None:
    selection = _selection(4, after=2)
    selection.record(torch.arange(4), torch.rand(4))
    selection.choose(1, World())
    assert selection.pool is None
    selection.choose(2, World())
    assert selection.pool is not None and len(selection.pool) == 2


def test_a_picture_skipped_keeps_its_last_loss_and_one_never_seen_comes_first() -> None:
    selection = _selection(4)
    selection.record(torch.tensor([0, 1, 2]), torch.tensor([3.0, 2.0, 1.0]))
    selection.choose(1, World())
    assert selection.pool is not None and selection.pool.tolist() == [3, 0]
    selection.record(torch.tensor([3, 0]), torch.tensor([0.5, 1.5]))
    selection.choose(2, World())
    assert selection.pool.tolist() == [1, 0], "picture 1 still counts with the loss of the first epoch"


def test_processes_bring_together_what_each_has_seen() -> None:
    class Pair(World):
        def gather(self, value):
            parts = [first, second]
            assert any(torch.equal(value, part) for part in parts)
            return parts

    # Both have seen picture 1: all processes must believe the same of it, or their shares of the next epoch overlap.
    first, second = torch.tensor([0.2, 3.0, -1.0, -1.0]), torch.tensor([-1.0, 9.0, 5.0, 0.1])
    for rank, seen in enumerate((first, second)):
        selection = _selection(4)
        here = (seen >= 0).nonzero().flatten()
        selection.record(here, seen[here])
        selection.choose(1, Pair(rank, 2))
        assert selection.pool is not None and selection.pool.tolist() == [2, 1]


def test_state_round_trip_in_the_middle_of_an_epoch() -> None:
    one, other = _selection(6), _selection(6)
    one.record(torch.arange(6), torch.rand(6, generator=torch.Generator().manual_seed(0)))
    one.choose(1, World())
    one.record(torch.tensor([1, 2]), torch.tensor([9.0, 8.0]))
    other.load_state_dict(one.state_dict())
    for selection in (one, other):
        selection.record(torch.tensor([0]), torch.tensor([7.0]))
        selection.choose(2, World())
    assert one.pool is not None and other.pool is not None
    assert one.pool.tolist() == other.pool.tolist() == [1, 2, 0]


@pytest.mark.parametrize("keep", [0, 1, 1.5, -0.1])
def test_a_share_outside_0_to_1_is_refused(keep: float) -> None:
    with pytest.raises(ValidationError):
        SelectionSettings(keep=keep)
    with pytest.raises(UsageError, match=r"selection\.keep"):
        recipes.load("quick", [f"selection={{keep: {keep}}}"])
