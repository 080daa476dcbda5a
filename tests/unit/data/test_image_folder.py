from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from fashionlab.common.errors import DataError, UsageError
from fashionlab.data import load_training
from fashionlab.data.formats.image_folder import folder_names
from fashionlab.data.held_out import load_test


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def _pixels(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _folder(root: Path, n: int = 12, shape: tuple[int, ...] = (6, 5),
            classes: tuple[str, ...] = ("hat", "sock")) -> Path:
    for index in range(n):
        path = root / classes[index % len(classes)] / f"{index:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_pixels(index, *shape)).save(path)
    return root


def _one(folder: Path, picture: Image.Image, name: str = "picture.png", **options: object) -> np.ndarray:
    """How the training part shows `picture`, uint8 [C, H, W]; with a test folder, so that nothing is held out."""
    (folder / "test").mkdir(parents=True)
    for label in ("a", "b"):
        path = folder / "train" / label / f"{label}{name}"
        path.parent.mkdir(parents=True)
        picture.save(path, **options)
    images = load_training(str(folder)).images
    np.testing.assert_array_equal(images[0], images[1])
    return images[0]


def test_class_folders_and_a_held_out_sixth(tmp_path: Path) -> None:
    root = _folder(tmp_path / "set", n=36)
    training, test = load_training(str(root)), load_test(str(root))
    assert training.classes == ("hat", "sock") and "held out" in training.source
    assert (len(training), len(test)) == (30, 6) and np.bincount(test.labels).tolist() == [3, 3]
    everything = {_pixels(index, 6, 5).tobytes(): index % 2 for index in range(36)}
    for pictures in (training, test):
        for picture, label in zip(pictures.images, pictures.labels, strict=True):
            assert everything.pop(picture.tobytes()) == label
    assert not everything


@pytest.mark.parametrize("name", ["test", "Testing"])
def test_train_and_test_folders(tmp_path: Path, name: str) -> None:
    _folder(tmp_path / "set" / "train", n=4)
    _folder(tmp_path / "set" / name, n=2)
    training, test = load_training(str(tmp_path / "set")), load_test(str(tmp_path / "set"))
    assert (len(training), len(test)) == (4, 2) and "held out" not in training.source
    np.testing.assert_array_equal(test.images[1, 0], _pixels(1, 6, 5))


def test_the_order_is_that_of_the_file_names(tmp_path: Path) -> None:
    _folder(tmp_path / "set" / "train", n=9)
    (tmp_path / "set" / "test").mkdir()
    pictures = load_training(str(tmp_path / "set"))
    assert pictures.labels.tolist() == [index % 2 for index in range(9)]
    np.testing.assert_array_equal(pictures.images[:, 0], [_pixels(index, 6, 5) for index in range(9)])


def test_every_mode(tmp_path: Path) -> None:
    grey, colour, alpha = _pixels(1, 6, 6), _pixels(2, 6, 6, 3), _pixels(3, 6, 6)
    np.testing.assert_array_equal(_one(tmp_path / "L", Image.fromarray(grey)), grey[None])
    np.testing.assert_array_equal(_one(tmp_path / "RGB", Image.fromarray(colour)), colour.transpose(2, 0, 1))
    rgba = Image.fromarray(np.dstack([colour, alpha]))
    on_black = colour * (alpha[..., None] / 255)
    assert np.abs(_one(tmp_path / "RGBA", rgba) - on_black.transpose(2, 0, 1)).max() <= 1
    webp = _one(tmp_path / "webp", rgba, "x.webp", lossless=True, exact=True)
    assert np.abs(webp - on_black.transpose(2, 0, 1)).max() <= 1
    la = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)])
    assert np.abs(_one(tmp_path / "LA", la) - (grey * (alpha / 255))[None]).max() <= 1
    bits = Image.fromarray(np.where(grey > 127, 255, 0).astype(np.uint8)).convert("1")
    np.testing.assert_array_equal(_one(tmp_path / "1", bits), np.where(grey > 127, 255, 0)[None])


def test_palettes_are_grey_or_colour_by_their_entries(tmp_path: Path) -> None:
    indices = Image.fromarray(_pixels(1, 6, 6) % 4)
    for name, palette in (("grey", [(9, 9, 9), (50, 50, 50), (99, 99, 99), (255, 255, 255)]),
                          ("colour", [(9, 8, 7), (50, 0, 50), (99, 99, 0), (255, 255, 255)])):
        picture = indices.copy()
        picture.putpalette([value for entry in palette for value in entry])
        assert picture.mode == "P"
        expected = np.array(palette, dtype=np.uint8)[np.asarray(indices)].transpose(2, 0, 1)
        np.testing.assert_array_equal(_one(tmp_path / name, picture), expected[:1] if name == "grey" else expected)


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (6, 6)).astype(np.uint16)
    deep[0, :3] = (0, 65535, 257 * 100)
    assert np.abs(_one(tmp_path / "16", Image.fromarray(deep))[0] - deep / 257).max() <= 0.5


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["png", "jpg", "webp"])
def test_exif_orientation(tmp_path: Path, orientation: int, form: str) -> None:
    picture = Image.fromarray(_pixels(1, 8, 16, 3)).resize((32, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = _one(tmp_path, picture, f"x.{form}", exif=exif)
    with Image.open(tmp_path / "train" / "a" / f"ax.{form}") as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored)).transpose(2, 0, 1)
    assert shown.shape[1:] == ((16, 32) if orientation < 5 else (32, 16))
    np.testing.assert_array_equal(shown, expected)


def test_mixed_sizes_keep_the_aspect(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for index in range(6):
        Image.new("L", (100 + index, 50), 200).save(tmp_path / "a" / f"{index}.png")
        Image.new("RGB", (60, 60), (0, 100, 200)).save(tmp_path / "b" / f"{index}.jpg", quality=95)
    assert load_training(str(tmp_path)).images.shape[1:] == (3, 160, 160)  # as photographs are
    pictures = load_training(str(tmp_path), image_size=28, background="black")
    assert pictures.images.shape[1:] == (3, 28, 28)
    wide = pictures.images[pictures.labels == 0][0]
    assert (wide[:, 10:18] == 200).all() and (wide[:, :6] == 0).all() and (wide[:, -6:] == 0).all()
    square = pictures.images[pictures.labels == 1][0]
    assert np.abs(square[:, 0, 0] - np.array([0, 100, 200], dtype=int)).max() <= 3
    assert load_training(str(tmp_path), image_size=40, channels=1).images.shape[1:] == (1, 40, 40)


def test_downscaling_is_antialiased(tmp_path: Path) -> None:
    stripes = np.zeros((64, 64), dtype=np.uint8)
    stripes[:, ::2] = 255
    for label in ("a", "b"):
        (tmp_path / "train" / label).mkdir(parents=True)
        Image.fromarray(stripes).save(tmp_path / "train" / label / "x.png")
    (tmp_path / "test").mkdir()
    small = load_training(str(tmp_path), image_size=16).images[0, 0]
    assert np.abs(small[2:-2, 2:-2] - 127.5).max() < 8


def test_the_test_part_takes_the_training_parts_form(tmp_path: Path) -> None:
    _folder(tmp_path / "train", n=4, shape=(32, 32))
    _folder(tmp_path / "test", n=3, shape=(40, 20, 3))
    test = load_test(str(tmp_path))
    assert test.images.shape[1:] == load_training(str(tmp_path)).images.shape[1:] == (1, 32, 32)


def test_decoded_once_and_again_when_a_file_changes(tmp_path: Path) -> None:
    root = _folder(tmp_path / "set")
    first = load_training(str(root)).images
    victim = root / "hat" / "000.png"
    status, content = victim.stat(), victim.read_bytes()
    victim.write_bytes(b"x" * len(content))
    os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))
    np.testing.assert_array_equal(load_training(str(root)).images, first)  # not looked at again
    os.utime(victim)
    with pytest.raises(DataError, match=r"000\.png"):
        load_training(str(root))


def test_a_damaged_cache_is_made_again(tmp_path: Path, cache: Path) -> None:
    root = _folder(tmp_path / "set")
    first = load_training(str(root)).images
    (kept,) = (cache / "fashionlab" / "decoded").glob("*.npy")
    kept.write_bytes(kept.read_bytes()[:-30])
    np.testing.assert_array_equal(load_training(str(root)).images, first)


def test_above_the_memory_budget_pictures_are_mapped(tmp_path: Path, cache: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    root = _folder(tmp_path / "set", n=20)
    in_memory = load_training(str(root), image_size=16).images
    monkeypatch.setenv("FASHIONLAB_MEMORY_BUDGET_MB", "0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache / "another"))
    for _ in range(2):  # decoded into the file, then found there
        mapped = load_training(str(root), image_size=16).images
        assert isinstance(mapped, np.memmap)
        np.testing.assert_array_equal(mapped, in_memory)
    monkeypatch.setenv("FASHIONLAB_MEMORY_BUDGET_MB", "lots")
    with pytest.raises(UsageError, match="FASHIONLAB_MEMORY_BUDGET_MB"):
        load_training(str(root))


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    root = _folder(tmp_path / "set")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(load_training(str(root))) == 10
    assert "not kept" in capsys.readouterr().err


def test_broken_pictures_are_named_or_skipped(tmp_path: Path) -> None:
    root = _folder(tmp_path / "set" / "train", n=12).parent
    _folder(root / "test", n=2)
    good = (root / "train" / "hat" / "000.png").read_bytes()
    (root / "train" / "hat" / "004.png").write_bytes(good[: len(good) // 2])
    (root / "train" / "sock" / "005.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"004\.png.*and 1 more.*--skip-unreadable"):
        load_training(str(root))
    for _ in range(2):  # decoded, then from the cache
        pictures = load_training(str(root), skip_unreadable=True)
        told = {one.file: one.reason for one in pictures.left_out}
        assert set(told) == {"train/hat/004.png", "train/sock/005.png"}
        assert told["train/sock/005.png"] == "unreadable picture (no picture that is read)"
        kept = [index for index in range(12) if index not in (4, 5)]
        assert pictures.labels.tolist() == [index % 2 for index in kept]
        np.testing.assert_array_equal(pictures.images[:, 0], [_pixels(index, 6, 5) for index in kept])
    with pytest.raises(DataError, match=r"004\.png"):  # the cache does not hide it
        load_training(str(root))


def _huge_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [7200, 10_000, 20_000])
def test_huge_pictures_are_refused_by_their_header(tmp_path: Path, side: int, recwarn: pytest.WarningsRecorder) -> None:
    root = _folder(tmp_path / "set")
    (root / "hat" / "huge.png").write_bytes(_huge_png(side, side))
    with pytest.raises(DataError, match=r"huge\.png.*50,000,000"):
        load_training(str(root), image_size=28, channels=1)
    assert not recwarn.list


def test_empty_and_one_class_folders(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: no data set"):
        load_training(str(tmp_path / "empty"))
    (tmp_path / "hollow" / "hat").mkdir(parents=True)
    with pytest.raises(DataError, match="hollow: no picture"):
        load_training(str(tmp_path / "hollow"))
    with pytest.raises(DataError, match="one: only 1 class"):
        load_training(str(_folder(tmp_path / "one", classes=("hat",))))
    (_folder(tmp_path / "three") / "glove").mkdir()
    with pytest.raises(DataError, match="no readable picture of class 'glove'"):
        load_training(str(tmp_path / "three"))
    with pytest.raises(DataError, match="too small to hold one out"):
        load_training(str(_folder(tmp_path / "few", n=4)))


def test_unknown_class_folder_in_the_test_part(tmp_path: Path) -> None:
    _folder(tmp_path / "train")
    _folder(tmp_path / "test", classes=("hat", "shoe"))
    with pytest.raises(DataError, match="shoe: no such class, expected one of hat, sock"):
        load_test(str(tmp_path))


def test_folder_names_are_safe_and_different() -> None:
    names = folder_names(("T-shirt/top", "T-shirt-top", "a", "A", "..", "", "日本", "x" * 200, " ok ", "A-3"))
    assert names[0] == "T-shirt-top" and names[2] == "a" and names[6] == "日本" and names[8] == "ok"
    assert len({name.casefold() for name in names}) == len(names)
    assert all(name.strip(" .") == name and "/" not in name and 0 < len(name) < 100 for name in names)
