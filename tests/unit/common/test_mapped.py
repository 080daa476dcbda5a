"""Memory-mapped pictures: the same as those in memory, and never this process's memory as a whole."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from fashionlab.common.mapped import release, rows_at_once
from fashionlab.common.records import PictureSet
from fashionlab.data import ResidentPictures, normalisation
from fashionlab.data.duplicates import picture_hashes

pytestmark = pytest.mark.slow

MIB = 1 << 20
SIZE = 48 * MIB

needs_smaps = pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux's /proc/self/smaps")


@pytest.fixture
def mapped(tmp_path: Path) -> Iterator[PictureSet]:
    """Pictures of 48 MiB in all, mapped as the cache of decoded pictures maps them."""
    images = np.random.default_rng(0).integers(0, 256, (SIZE // (3 * 64 * 64), 3, 64, 64), dtype=np.uint8)
    np.save(tmp_path / "pictures.npy", images)
    opened = np.load(tmp_path / "pictures.npy", mmap_mode="c")
    yield PictureSet(opened, np.arange(len(images)) % 5, tuple("abcde"), "drawn")


def _resident(path: Path) -> int:
    """Bytes of the mapping of `path` that are this process's memory, by the kernel's own account."""
    total, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            inside = line.endswith(str(path))
        elif inside and line.startswith("Rss:"):
            total += int(line.split()[1]) << 10
    return total


def _whole_epoch(pictures: PictureSet, check: Callable[[], None]) -> None:
    resident = ResidentPictures.from_set(pictures, np.arange(len(pictures)), "cpu")
    for _ in resident.batches(64, seed=0, epoch=0):
        check()


PASSES: dict[str, Callable[[PictureSet, Callable[[], None]], object]] = {
    "hash of all": lambda pictures, check: pictures.sha256,
    "hashes of each": lambda pictures, check: picture_hashes(pictures.images),
    "mean and deviation": lambda pictures, check: normalisation(pictures, np.arange(len(pictures))),
    "an epoch": _whole_epoch,
}


@needs_smaps
def test_pages_that_are_not_let_go_of_are_memory(mapped: PictureSet, tmp_path: Path) -> None:
    """What the other tests measure with would see it."""
    path = tmp_path / "pictures.npy"
    assert _resident(path) < MIB
    assert mapped.images.sum() > 0
    assert _resident(path) > SIZE // 2
    release(mapped.images[3:5])  # a view of it will do
    assert _resident(path) < MIB


@needs_smaps
@pytest.mark.parametrize("what", PASSES)
def test_a_pass_over_all_leaves_nothing_in_memory(what: str, mapped: PictureSet, tmp_path: Path) -> None:
    path = tmp_path / "pictures.npy"
    PASSES[what](mapped, lambda: None if _resident(path) < 8 * MIB else pytest.fail("a batch keeps what it read"))
    assert _resident(path) < MIB


def test_it_reads_the_same_after_its_pages_were_let_go(mapped: PictureSet, tmp_path: Path) -> None:
    expected = np.load(tmp_path / "pictures.npy")
    first = np.array(mapped.images)
    release(mapped.images)
    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(mapped.images, expected)


@pytest.mark.parametrize("what", ["hash", "hashes", "normalisation", "batches"])
def test_what_is_reckoned_is_the_same(what: str, mapped: PictureSet) -> None:
    in_memory = PictureSet(np.array(mapped.images), mapped.labels, mapped.classes, "drawn")
    indices = np.random.default_rng(1).permutation(len(mapped))[:500]

    def reckon(pictures: PictureSet) -> object:
        if what == "hash":
            return pictures.sha256
        if what == "hashes":
            return picture_hashes(pictures.images).tolist()
        if what == "normalisation":
            return normalisation(pictures, indices)
        resident = ResidentPictures.from_set(pictures, indices, "cpu")
        return [[one.tolist() for one in (positions, images.sum(dim=(1, 2, 3)), labels)] for positions, images, labels
                in resident.batches(64, seed=3, epoch=1, balanced=True)]

    assert reckon(mapped) == reckon(in_memory)


def test_arrays_in_memory_are_left_alone() -> None:
    array = np.arange(10)
    release(array)
    np.testing.assert_array_equal(array, np.arange(10))


@pytest.mark.parametrize(("shape", "rows"), [((5, MIB), 64), ((9, 128 * MIB), 1), ((0, 3), 64 * MIB),
                                             ((4, 0), 64 * MIB)])
def test_rows_at_once(shape: tuple[int, ...], rows: int) -> None:
    array = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), shape, (0,) * len(shape))
    assert rows_at_once(array) == rows


@pytest.mark.skipif(sys.platform == "win32", reason="changes of a private mapping")
def test_changes_stay_out_of_the_file(mapped: PictureSet, tmp_path: Path) -> None:
    tensor = torch.from_numpy(mapped.images)
    tensor[0] = 1
    assert not np.array_equal(np.load(tmp_path / "pictures.npy")[0], mapped.images[0])
