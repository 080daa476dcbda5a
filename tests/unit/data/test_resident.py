from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from fashionlab.common.errors import UsageError
from fashionlab.common.records import PictureSet
from fashionlab.data import ResidentPictures, normalisation, steps_per_epoch


def _set(n: int, seed: int = 0, channels: int = 1) -> PictureSet:
    draw = np.random.default_rng(seed)
    images = draw.integers(0, 256, (n, channels, 3, 3), dtype=np.uint8)
    return PictureSet(images, draw.integers(0, 4, n), ("a", "b", "c", "d"), "test")


def _joined(batches: list[list[int]]) -> list[int]:
    return list(itertools.chain.from_iterable(batches))


def _positions(resident: ResidentPictures, batch_size: int, **options: int) -> list[list[int]]:
    options = {"seed": 5, "epoch": 2, **options}
    return [positions.tolist() for positions, _, _ in resident.batches(batch_size, **options)]  # type: ignore[arg-type]


@given(n=st.integers(1, 60), batch_size=st.integers(1, 60), world_size=st.integers(1, 4),
       drop_last=st.booleans())
def test_every_picture_once_an_epoch_whatever_the_ranks(n: int, batch_size: int, world_size: int,
                                                        drop_last: bool) -> None:
    assume(world_size <= batch_size <= n)
    resident = ResidentPictures.from_set(_set(n), np.arange(n), "cpu")
    ranks = [_positions(resident, batch_size, rank=rank, world_size=world_size, drop_last=drop_last)
             for rank in range(world_size)]
    steps = steps_per_epoch(n, batch_size, drop_last, world_size)
    assert [len(batches) for batches in ranks] == [steps] * world_size
    assert all(batch for batches in ranks for batch in batches)
    together = [_joined([batches[step] for batches in ranks]) for step in range(steps)]
    dealt = _joined(together)
    assert len(set(dealt)) == len(dealt) == (n - n % batch_size if drop_last else n)
    alone = _joined(_positions(resident, batch_size, drop_last=drop_last))
    assert dealt == alone  # the same pictures in the same global batches, with one process or several
    for batches in zip(*ranks, strict=True):
        sizes = [len(batch) for batch in batches]
        assert max(sizes) - min(sizes) <= 1


@given(n=st.integers(1, 50), batch_size=st.integers(1, 50), start=st.integers(0, 60))
def test_starting_at_a_step_gives_the_rest(n: int, batch_size: int, start: int) -> None:
    assume(batch_size <= n)
    resident = ResidentPictures.from_set(_set(n), np.arange(n), "cpu")
    assert _positions(resident, batch_size, start_step=start) == _positions(resident, batch_size)[start:]


def test_batches_hold_the_pictures_at_their_positions() -> None:
    pictures, indices = _set(20), np.array([3, 1, 19, 4, 4, 7])
    resident = ResidentPictures.from_set(pictures, indices, "cpu")
    for positions, images, labels in resident.batches(4, seed=1, epoch=0):
        assert positions.dtype == labels.dtype == torch.int64 and images.dtype == torch.uint8
        np.testing.assert_array_equal(images.numpy(), pictures.images[indices[positions.numpy()]])
        np.testing.assert_array_equal(labels.numpy(), pictures.labels[indices[positions.numpy()]])


def test_memory_mapped_pictures_stay_on_the_disk_and_give_the_same(tmp_path: Path) -> None:
    pictures, indices = _set(30), np.arange(29, 3, -2)
    np.save(tmp_path / "x.npy", pictures.images)
    mapped = PictureSet(np.load(tmp_path / "x.npy", mmap_mode="c"), pictures.labels, pictures.classes, "test")
    resident = ResidentPictures.from_set(mapped, indices, "cpu")
    assert len(resident.images) == 30 and len(resident) == len(indices)
    expected = ResidentPictures.from_set(pictures, indices, "cpu")
    for got, want in zip(resident.batches(4, seed=1, epoch=3), expected.batches(4, seed=1, epoch=3), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))


def test_order_depends_on_seed_and_epoch_only() -> None:
    resident = ResidentPictures.from_set(_set(40), np.arange(40), "cpu")
    first = _positions(resident, 40)
    torch.manual_seed(1)
    assert _positions(resident, 40) == first
    assert _positions(resident, 40, epoch=3) != first
    assert _positions(resident, 40, seed=6) != first
    assert _joined(_positions(resident, 7)) == first[0]  # the batch size cuts the same order


@pytest.mark.parametrize(("n", "batch_size", "world_size"), [(10, 11, 1), (10, 0, 1), (10, 2, 3)])
def test_impossible_batch_sizes(n: int, batch_size: int, world_size: int) -> None:
    resident = ResidentPictures.from_set(_set(n), np.arange(n), "cpu")
    with pytest.raises(UsageError, match=f"batch_size {batch_size}"):
        resident.batches(batch_size, seed=0, epoch=0, world_size=world_size)


@pytest.mark.parametrize("channels", [1, 3])
def test_normalisation_is_numpys(channels: int) -> None:
    pictures, indices = _set(5000, channels=channels), np.arange(0, 5000, 2)
    mean, deviation = normalisation(pictures, indices)
    scaled = pictures.images[indices].astype(np.float64) / 255
    np.testing.assert_allclose(mean, scaled.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(deviation, scaled.std(axis=(0, 2, 3)), rtol=1e-12)


def test_a_constant_channel_has_deviation_one() -> None:
    pictures = PictureSet(np.full((3, 1, 2, 2), 51, dtype=np.uint8), np.zeros(3, dtype=int), ("a",), "test")
    mean, deviation = normalisation(pictures, np.arange(3))
    assert mean == pytest.approx((0.2,)) and deviation == (1.0,)


@given(n=st.integers(2, 40), share=st.floats(0.05, 1), batch_size=st.integers(1, 10))
def test_a_pool_comes_round_evenly_until_the_epoch_is_full(n: int, share: float, batch_size: int) -> None:
    assume(batch_size <= n)
    resident = ResidentPictures.from_set(_set(n), np.arange(n), "cpu")
    pool = torch.randperm(n, generator=torch.Generator().manual_seed(n))[: max(1, round(share * n))]
    dealt = _joined([p.tolist() for p, _, _ in resident.batches(batch_size, seed=1, epoch=3, pool=pool)])
    counts = [dealt.count(position) for position in pool.tolist()]
    assert len(dealt) == n == sum(counts)
    assert max(counts) - min(counts) <= 1
