from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from fashionlab.common.errors import DataError, UsageError
from fashionlab.common.records import PictureSet
from fashionlab.data import load_training
from fashionlab.data.convert import convert, writable
from fashionlab.data.formats import FORMATS
from fashionlab.data.held_out import load_test
from toys import unmeasured

NAMES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n\r\0"), min_size=1, max_size=12)


@st.composite
def parts(draw: st.DrawFn) -> tuple[PictureSet, PictureSet]:
    """Two small parts with any class names, classes without pictures among them."""
    classes = tuple(draw(st.lists(NAMES, min_size=2, max_size=5, unique=True)))
    channels, side = draw(st.sampled_from([1, 3])), draw(st.integers(1, 5))

    def part() -> PictureSet:
        n = draw(st.integers(1, 12))
        images = draw(st_numpy.arrays(np.uint8, (n, channels, side, side)))
        labels = draw(st_numpy.arrays(np.int64, n, elements=st.integers(0, len(classes) - 1)))
        return PictureSet(images, labels, classes, "drawn")

    return part(), part()


def _path(folder: Path, to: str) -> Path:
    return folder / f"{to}{FORMATS[to].suffix}"


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=parts(), order=st.permutations([*writable(), *writable()]))
def test_through_all_formats_and_nothing_changes(tmp_path_factory: pytest.TempPathFactory,
                                                 monkeypatch: pytest.MonkeyPatch,
                                                 drawn: tuple[PictureSet, PictureSet], order: list[str]) -> None:
    folder = tmp_path_factory.mktemp("convert")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    now = drawn
    for step, to in enumerate(order):
        target = _path(folder / str(step), to)
        convert(*now, target, to)
        now = load_training(str(target)), load_test(str(target))
    for before, after in zip(drawn, now, strict=True):
        assert after.classes == before.classes
        np.testing.assert_array_equal(after.labels, before.labels)
        np.testing.assert_array_equal(after.images, before.images)
        assert after.sha256 == before.sha256


@pytest.mark.parametrize("classes", [("__MACOSX", "lost+found", "Thumbs.db", "hat"), ("train", "test", "val", "hat")])
def test_class_names_that_mean_something_as_folders_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                         classes: tuple[str, ...]) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    images = np.random.default_rng(0).integers(0, 256, (8, 3, 4, 4), dtype=np.uint8)
    drawn = PictureSet(images, np.arange(8) % 4, classes, "drawn")
    convert(drawn, drawn, tmp_path / "folder", "folder")
    after = load_training(str(tmp_path / "folder"))
    assert (after.classes, after.sha256) == (drawn.classes, drawn.sha256)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[PictureSet, PictureSet]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    images = np.random.default_rng(0).integers(0, 256, (300, 1, 28, 28), dtype=np.uint8)
    pictures = PictureSet(images, np.arange(300) % 3, ("a", "b", "c"), "small")
    return pictures, pictures.subset(np.arange(30))


@pytest.mark.parametrize("to", writable())
def test_an_existing_target_is_kept_unless_asked(tmp_path: Path, to: str, small: tuple[PictureSet, PictureSet]) -> None:
    target = _path(tmp_path, to)
    convert(*small, target, to)
    first = load_training(str(target)).sha256
    other = small[0].subset(np.arange(30, 300)), small[1]
    with pytest.raises(UsageError, match=r"exists.*--overwrite"):
        convert(*other, target, to)
    assert load_training(str(target)).sha256 == first
    convert(*other, target, to, overwrite=True)
    assert load_training(str(target)).sha256 == other[0].sha256
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == [target.name]


def test_what_is_no_data_set_is_never_replaced(tmp_path: Path, small: tuple[PictureSet, PictureSet]) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="no data set"):
        convert(*small, home, "idx", overwrite=True)
    assert (home / "letter.txt").read_text() == "dear"


def test_wrong_use(tmp_path: Path, small: tuple[PictureSet, PictureSet]) -> None:
    with pytest.raises(UsageError, match="unknown format 'cvs'; did you mean 'csv'"):
        convert(*small, tmp_path / "x", "cvs")
    with pytest.raises(UsageError, match=r"ends in \.npz"):
        convert(*small, tmp_path / "x", "npz")
    with pytest.raises(UsageError, match=r"ends in \.npz"):
        convert(*small, tmp_path / "x.npz", "idx")
    renamed = tuple(PictureSet(part.images, part.labels, ("a", "b\nc", "d"), "small") for part in small)
    with pytest.raises(DataError, match="class names"):
        convert(*renamed, tmp_path / "x", "csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path, small: tuple[PictureSet, PictureSet]) -> None:
    source, out = tmp_path / "source.npz", tmp_path / "out"
    convert(*small, source, "npz")
    script = textwrap.dedent("""
        import resource, sys
        from pathlib import Path
        from fashionlab.data.convert import convert
        from fashionlab.data.formats import recognise
        from fashionlab.data.read import read
        from fashionlab.data.source import Wanted
        source = recognise(Path(sys.argv[1]))
        both = read(source, "train", Wanted()), read(source, "test", Wanted())
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
        for target in sys.argv[2:]:
            try:
                convert(*both, Path(target), Path(target).stem)
            except Exception as error:
                print(type(error).__name__, error)
    """)
    targets = [_path(out, to) for to in writable()]
    done = subprocess.run([sys.executable, "-c", script, source, *targets], capture_output=True, text=True, check=True,
                          env=unmeasured())
    expected = [f"FashionlabError cannot write {target}: File too large" for target in targets]
    assert done.stdout.splitlines() == expected
    assert done.stderr == ""
    assert not list(out.iterdir())


def test_folders_have_usual_permissions(tmp_path: Path, small: tuple[PictureSet, PictureSet]) -> None:
    mask = os.umask(0o022)
    try:
        convert(*small, tmp_path / "set", "idx")
    finally:
        os.umask(mask)
    assert (tmp_path / "set").stat().st_mode & 0o777 == 0o755
