from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fashionlab.common.errors import DataError
from fashionlab.data.unpacked import unpacked


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "fashionlab" / "unpacked"


def test_it_is_written_once_and_again_only_after_a_change(tmp_path: Path, cache: Path) -> None:
    source = tmp_path / "set.zip"
    source.write_text("one")
    written: list[Path] = []

    def write(folder: Path) -> None:
        assert not list(folder.iterdir())
        (folder / "inner").mkdir()
        (folder / "inner" / "copy").write_text(source.read_text())
        written.append(folder)

    first = unpacked(source, write)
    assert unpacked(source, write) == first and len(written) == 1
    assert (first / "inner" / "copy").read_text() == "one" and first.parent == cache
    source.write_text("two")
    os.utime(source, ns=(1, 1))
    second = unpacked(source, write)
    assert second != first and (second / "inner" / "copy").read_text() == "two"
    assert sorted(cache.iterdir()) == sorted([first, second])  # no temporary folder stays


def test_nothing_stays_of_what_failed(tmp_path: Path, cache: Path) -> None:
    source = tmp_path / "set.zip"
    source.write_text("one")

    def broken(folder: Path) -> None:
        (folder / "half").write_text("")
        raise DataError("entry 7 is damaged")

    with pytest.raises(DataError, match="entry 7"):
        unpacked(source, broken)
    assert not list(cache.iterdir())
    with pytest.raises(DataError, match=r"nowhere\.zip"):
        unpacked(tmp_path / "nowhere.zip", broken)


def test_several_at_once_share_one_whole_folder(tmp_path: Path, cache: Path) -> None:
    source = tmp_path / "set.zip"
    source.write_text("one")

    def write(folder: Path) -> None:
        for number in range(50):
            (folder / str(number)).write_text("x")

    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: unpacked(source, write), range(8)))
    assert len(folders) == 1 and len(list(cache.iterdir())) == 1
    assert len(list(folders.pop().iterdir())) == 50
