"""What is made of sets above the memory budget is what is made of them in memory, and takes little of it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fashionlab as fl
from fashionlab.common.errors import FashionlabError
from fashionlab.common.records import PictureSet
from fashionlab.data import load_training, on_disk
from fashionlab.data.held_out import load_test

BUDGET = "FASHIONLAB_MEMORY_BUDGET_MB"
PICTURES, SIDE = 8000, 64  # 98 MB in colour, in all parts together
MOST = 48 << 20  # bytes in memory: what is counted and copied at a time, and the labels


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[np.ndarray]:
    monkeypatch.setenv(BUDGET, "0")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (30, 3, 4, 5), dtype=np.uint8))
    yield np.load(tmp_path / "x.npy", mmap_mode="c")


@pytest.mark.parametrize("indices", [[], [4], [3, 4, 5], [5, 4, 3], [0, 2, 29], [7, 7, 7], list(range(30))], ids=str)
def test_rows_are_those_of_numpy(mapped: np.ndarray, indices: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_disk, "_AT_ONCE", 130)  # two pictures
    places = np.array(indices, dtype=int)
    chosen = on_disk.rows(mapped, places)
    np.testing.assert_array_equal(chosen, np.array(mapped)[places])
    assert isinstance(chosen, np.memmap) == bool(indices)
    assert isinstance(PictureSet(mapped, np.zeros(30, int), ("a", "b"), "").subset(np.arange(3, 9)).images, np.memmap)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=4))
def test_joined_arrays_are_those_of_numpy(tmp_path_factory: pytest.TempPathFactory,
                                          parts: list[tuple[int, bool]]) -> None:
    arrays: list[np.ndarray] = []
    folder = tmp_path_factory.mktemp("joined")
    for number, (n, lies_on_disk) in enumerate(parts):
        array = np.random.default_rng(number).integers(0, 256, (n, 1, 3, 2), dtype=np.uint8)
        np.save(folder / f"{number}.npy", array)
        arrays.append(np.load(folder / f"{number}.npy", mmap_mode="c") if n and lies_on_disk else array)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(BUDGET, "0")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setattr(on_disk, "_AT_ONCE", 13)
        whole = on_disk.joined(arrays)
    np.testing.assert_array_equal(whole, np.concatenate(arrays))
    assert isinstance(whole, np.memmap) == any(isinstance(array, np.memmap) for array in arrays)


def test_within_the_budget_and_of_arrays_in_memory_nothing_is_written(mapped: np.ndarray, tmp_path: Path,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    assert not isinstance(on_disk.empty_like(np.array(mapped), (9, 9)), np.memmap)
    monkeypatch.setenv(BUDGET, "1")
    assert not isinstance(on_disk.rows(mapped, np.array([5, 2])), np.memmap)
    assert not (tmp_path / "cache").exists()


def test_nothing_is_left_behind(mapped: np.ndarray, tmp_path: Path) -> None:
    on_disk.rows(mapped, np.array([5, 2]))[0, 0, 0, 0] = 3
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_a_cache_that_cannot_hold_it_is_named(mapped: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(FashionlabError, match=r"cannot write .*cache.* MiB to copy pictures") as raised:
        on_disk.rows(mapped, np.array([5, 2]))
    assert "\n" not in str(raised.value)


def _save(folder: Path, channels: int, *parts: str) -> str:
    for seed, part in enumerate(parts):
        n = PICTURES * 3 // channels // len(parts)
        draw = np.random.default_rng(seed)
        np.save(folder / f"x_{part}.npy", draw.integers(0, 256, (n, channels, SIDE, SIDE), dtype=np.uint8))
        np.save(folder / f"y_{part}.npy", np.arange(n) % 10)
    return str(folder)


def _facts(path: str) -> str:
    return str(fl.datasets.info(path))


def _hash(path: str, load: Callable[..., PictureSet] = load_training, **wanted: Any) -> str:
    return load(path, **wanted).sha256


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "parts", "ask", "wanted"), [
    (3, ["train"], _hash, {}), (3, ["train"], _hash, {"load": load_test}), (3, ["train", "val", "test"], _hash, {}),
    (1, ["train", "test"], _hash, {"channels": 3}), (1, ["train", "test"], _hash, {"image_size": 72}),
    (3, ["train", "val", "test"], _facts, {}), (3, ["train"], _facts, {}),
], ids=["held-out", "test", "val", "channels", "size", "info", "info-held-out"])
def test_sets_above_the_budget_are_not_held_in_memory(channels: int, parts: list[str], ask: Callable[..., str],
                                                      wanted: dict[str, Any], tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    path = _save(tmp_path, channels, *parts)
    expected = ask(path, **wanted)
    monkeypatch.setenv(BUDGET, "8")
    tracemalloc.start()
    try:
        assert ask(path, **wanted) == expected
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()
