"""What every registered data format has to do. A new one is tested with nothing changed here."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fashionlab.common.errors import DataError
from fashionlab.common.records import PictureSet
from fashionlab.data import load_training
from fashionlab.data.convert import convert, writable
from fashionlab.data.formats import FORMATS, lone_file, recognise
from fashionlab.data.held_out import load_test

NAMES = FORMATS.names()
WRITABLE = writable()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def pictures(n: int, channels: int) -> PictureSet:
    images = np.random.default_rng(n).integers(0, 256, (n, channels, 5, 5), dtype=np.uint8)
    return PictureSet(images, np.arange(n) % 3, ("hat", "b o x", "2"), "drawn")


def written(folder: Path, name: str, channels: int = 1) -> Path:
    path = folder / f"set{FORMATS[name].suffix}"
    convert(pictures(9, channels), pictures(6, channels), path, name)
    return path


def test_there_are_formats() -> None:
    assert len(NAMES) >= 4 and len(WRITABLE) >= 4
    suffixes = [FORMATS[name].suffix for name in WRITABLE if FORMATS[name].suffix]
    assert len(set(suffixes)) == len(suffixes)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is_and_leaves_other_things_alone(name: str, tmp_path: Path) -> None:
    assert FORMATS[name].looks_like
    (tmp_path / "empty").mkdir()
    (tmp_path / "letter.txt").write_text("dear")
    for other in ("empty", "letter.txt", "nowhere"):
        assert FORMATS[name].detect(tmp_path / other) is None
    with pytest.raises(DataError, match="expected .*" + FORMATS[name].looks_like.replace("*", r"\*")):
        recognise(tmp_path / "letter.txt")


@pytest.mark.parametrize("name", WRITABLE)
@pytest.mark.parametrize("channels", [1, 3])
def test_what_it_writes_it_recognises_and_reads(name: str, channels: int, tmp_path: Path) -> None:
    path = written(tmp_path, name, channels)
    assert type(recognise(path)) is type(FORMATS[name].detect(path))
    for n, after in ((9, load_training(str(path))), (6, load_test(str(path)))):
        before = pictures(n, channels)
        assert after.classes == before.classes and after.sha256 == before.sha256
        np.testing.assert_array_equal(after.images, before.images)
    assert load_training(str(path), image_size=8, channels=3).images.shape == (9, 3, 8, 8)


@pytest.mark.parametrize("name", WRITABLE)
def test_a_validation_part_stays_one(name: str, tmp_path: Path) -> None:
    training = replace(pictures(9, 1), validation=np.array([1, 4, 8]))
    path = tmp_path / f"set{FORMATS[name].suffix}"
    convert(training, pictures(6, 1), path, name)
    after = load_training(str(path))
    assert after.validation is not None and after.validation.tolist() == [6, 7, 8]  # they come last
    order = [0, 2, 3, 5, 6, 7, 1, 4, 8]
    np.testing.assert_array_equal(after.images, training.images[order])
    np.testing.assert_array_equal(after.labels, training.labels[order])


@pytest.mark.parametrize("name", WRITABLE)
def test_damaged_files_are_named(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, name)
    for file in [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(DataError, match=str(tmp_path)):
        load_training(str(path))


@pytest.mark.parametrize("name", [name for name in WRITABLE if FORMATS[name].lone_file])
def test_a_lone_file_of_it_is_read(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, name)
    expected = {pictures(n, 1).images.tobytes() for n in (6, 9)}
    files = [path] if path.is_file() else sorted(path.iterdir())
    alone = [(file, found) for file in files if (found := lone_file(file.name)) and "labels" not in file.name]
    read = [found.read(file).tobytes() for file, found in alone]
    assert read and set(read) <= expected
    for file, found in alone:
        file.write_bytes(b"\0broken")
        with pytest.raises(DataError, match=str(tmp_path)):
            found.read(file)


def test_formats_load_nothing_that_a_service_goes_without() -> None:
    code = ("import sys; from fashionlab.deploy.inputs import find; find(['a.npz', sys.executable]); "
            "print(*{'torch', 'scipy', 'sklearn', 'platformdirs', 'filelock'} & set(sys.modules))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
