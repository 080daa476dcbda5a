"""Zip archives with data sets in them, kind ones and hostile ones."""

from __future__ import annotations

import io
import random
import shutil
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fashionlab.common.errors import DataError
from fashionlab.common.records import PictureSet
from fashionlab.data import load_training, zip_entries
from fashionlab.data.convert import convert, writable
from fashionlab.data.formats import recognise
from fashionlab.data.held_out import load_test
from fashionlab.data.zip_entries import read_entries


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def png(brightness: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (4, 4), brightness).save(stream, "PNG")
    return stream.getvalue()


PICTURES = {f"{kind}/{index}.png": png(20 * index + 100 * (kind == "boots")) for kind in ("bags", "boots")
            for index in range(6)}


def zipped(path: Path, files: dict[str, bytes], way: int = zipfile.ZIP_DEFLATED) -> str:
    with zipfile.ZipFile(path, "w", way) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, way)
    return str(path)


def drawn(n: int) -> PictureSet:
    images = np.random.default_rng(n).integers(0, 256, (n, 1, 5, 5), dtype=np.uint8)
    return PictureSet(images, np.arange(n) % 3, ("hat", "b o x", "2"), "drawn")


@pytest.mark.parametrize(("name", "around"), [
    *((name, "") for name in writable()), *((name, "download/fashion") for name in writable() if name != "folder")])
def test_whatever_is_in_it_is_read_as_without(tmp_path: Path, name: str, around: str) -> None:
    file = "set.npz" if name == "npz" else "set"
    convert(drawn(9), drawn(6), tmp_path / "plain" / file, name)
    root = tmp_path / "plain" / (file if name != "npz" else "")
    files = {f"{around}/{path.relative_to(root).as_posix()}".lstrip("/"): path.read_bytes()
             for path in sorted(root.rglob("*")) if path.is_file()}
    archive = zipped(tmp_path / "photos.zip", files)
    for load, n in ((load_training, 9), (load_test, 6)):
        read = load(archive)
        assert read.sha256 == drawn(n).sha256 and read.classes == drawn(n).classes
        assert archive in read.source and str(tmp_path / "cache") not in read.source
    assert not around or any("looked through" in note for note in load_training(archive).notes)


def test_it_is_known_by_its_content_and_unpacked_once(tmp_path: Path, cache: Path) -> None:
    path = zipped(tmp_path / "photos.dat", PICTURES)
    assert load_training(path).classes == ("bags", "boots")
    (unpacked,) = (cache / "fashionlab" / "unpacked").iterdir()
    times = {file: file.stat().st_ctime_ns for file in unpacked.rglob("*")}
    load_test(path)
    assert {file: file.stat().st_ctime_ns for file in unpacked.rglob("*")} == times
    zipped(tmp_path / "photos.dat", PICTURES | {"coats/1.png": png(1), "coats/2.png": png(2), "coats/3.png": png(3)})
    assert load_training(path).classes == ("bags", "boots", "coats")


def test_what_is_left_out_and_what_is_wrong_is_called_by_its_name_in_the_archive(tmp_path: Path) -> None:
    path = zipped(tmp_path / "photos.zip", PICTURES | {
        "__MACOSX/bags/._1.png": b"x", "bags/.DS_Store": b"x", "bags/more.zip": b"PK", "bags/list.txt": b"x"})
    left_out = {one.file.removeprefix(f"{path}/"): one.reason for one in load_training(path).left_out}
    assert left_out.keys() == {"__MACOSX", "bags/.DS_Store", "bags/more.zip", "bags/list.txt"}
    assert "archive within the archive" in left_out["bags/more.zip"]
    path = zipped(tmp_path / "broken.zip", PICTURES | {"bags/8.png": b"\x89PNG broken"})
    with pytest.raises(DataError, match=r"broken\.zip/bags/8\.png"):
        load_training(path)


def test_nothing_that_is_read(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(DataError, match=r"photos\.zip: no data set: it holds 2 pictures without") as caught:
        recognise(Path(zipped(tmp_path / "photos.zip", {"1.png": png(1), "2.png": png(2)})))
    assert str(cache) not in str(caught.value)
    for content in ({}, {"inner.zip": b"PK"}, {"__MACOSX/x": b""}):
        with pytest.raises(DataError, match=r"none\.zip: a zip archive without a file that is read"):
            recognise(Path(zipped(tmp_path / "none.zip", content)))


def test_an_exported_model_is_no_data_set(tmp_path: Path) -> None:
    path = zipped(tmp_path / "model.zip", {"artifact.json": b"{}", "SHA256SUMS": b""})
    with pytest.raises(DataError, match=r"model\.zip: an exported model .*fashionlab predict"):
        recognise(Path(path))


@pytest.mark.parametrize("name", [
    "../evil.png", "bags/../../evil.png", "/evil.png", "\\evil.png", "..\\evil.png", "bags\\..\\..\\evil.png",
    "C:\\evil.png", "c:evil.png", "//server/evil.png", "bags/..", "../evil/"])
def test_names_that_lead_out_are_refused(tmp_path: Path, cache: Path, name: str) -> None:
    path = zipped(tmp_path / "evil.zip", PICTURES | {name: png(1)})
    with pytest.raises(DataError, match=r"evil\.zip: refused, the entry '.*' would lie outside"):
        recognise(Path(path))
    assert not list(tmp_path.rglob("evil.png")) and not cache.exists()


@given(st.text(st.sampled_from("ab./\\:C~"), min_size=1, max_size=12))
@settings(max_examples=200, deadline=None)
def test_no_name_leads_out(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.mktemp("zip")
    archive = Path(zipped(folder / "any.zip", {name: b"x"}))
    try:
        entries = read_entries(archive)
    except DataError:
        return
    (folder / "in").mkdir()
    entries.unpack(folder / "in")
    outside = [path for path in folder.rglob("*") if path.is_file() and folder / "in" not in path.parents]
    assert outside == [archive]


def test_links_are_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "links.zip"
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "1.png").write_bytes(png(1))
    zipped(path, PICTURES)
    with zipfile.ZipFile(path, "a") as archive:
        for name, target in (("coats", "../../../../secret"), ("bags/link.png", "/etc/passwd")):
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, target)
    pictures = load_training(str(path))
    assert pictures.classes == ("bags", "boots")
    assert {one.file: one.reason.split(",")[0] for one in pictures.left_out} == {
        "coats": "a link", "bags/link.png": "a link"}


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
                                                    ) -> None:
    path = zipped(tmp_path / "bomb.zip", {f"bags/{index}": bytes(1 << 20) for index in range(4)})
    monkeypatch.setattr(zip_entries, "_MANY", 1 << 20)
    with pytest.raises(DataError, match=r"bomb\.zip: refused, its .* bytes would unpack to 4,194,304"):
        recognise(Path(path))
    monkeypatch.setattr(zip_entries, "_MANY", 1 << 30)
    monkeypatch.setattr(zip_entries, "MOST_BYTES", 4_000_000)
    with pytest.raises(DataError, match=r"bomb\.zip: refused"):
        recognise(Path(path))
    monkeypatch.setattr(zip_entries, "MOST_ENTRIES", 3)
    with pytest.raises(DataError, match=r"bomb\.zip: 4 entries, the limit is 3"):
        recognise(Path(path))
    assert not cache.exists()


def test_a_disk_that_is_too_small_is_named(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1 << 30))
    with pytest.raises(DataError, match=r"photos\.zip: unpacks to .* GiB free \(XDG_CACHE_HOME"):
        recognise(Path(zipped(tmp_path / "photos.zip", PICTURES)))
    assert not list((cache / "fashionlab" / "unpacked").iterdir())


def _with_size(path: Path, size: int) -> None:
    """Let both headers of the only entry lie about its size."""
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = content.index(signature) + offset
        content[start : start + 4] = struct.pack("<I", size)
    path.write_bytes(content)


@pytest.mark.parametrize("size", [10, 2_000_000])
def test_a_header_that_lies_about_the_size(tmp_path: Path, cache: Path, size: int) -> None:
    path = Path(zipped(tmp_path / "lies.zip", {"bags/1.png": bytes(1_000_000)}))
    _with_size(path, size)
    with pytest.raises(DataError, match=r"lies\.zip: bags/1\.png: cannot be unpacked"):
        recognise(path)
    assert not list((cache / "fashionlab" / "unpacked").iterdir())


def test_encrypted_entries_and_other_ways_of_packing_are_named(tmp_path: Path) -> None:
    path = Path(zipped(tmp_path / "secret.zip", {"bags/1.png": png(1)}))
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"secret\.zip: bags/1\.png is encrypted; unpack"):
        recognise(path)
    for way in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(DataError, match=rf"other\.zip: bags/1\.png is packed by method {way}"):
            recognise(Path(zipped(tmp_path / "other.zip", {"bags/1.png": png(1)}, way)))


@pytest.mark.parametrize("harm", ["cut", "no-end", "text", "empty", "inside"])
def test_damage_is_named(tmp_path: Path, cache: Path, harm: str) -> None:
    path = Path(zipped(tmp_path / "photos.zip", PICTURES, zipfile.ZIP_STORED))
    content = path.read_bytes()
    start = content.index(b"\x89PNG") + 20
    path.write_bytes({"cut": content[: len(content) // 2], "no-end": content[:-30], "text": b"dear", "empty": b"",
                      "inside": content[:start] + b"?" + content[start + 1 :]}[harm])
    with pytest.raises(DataError, match=r"photos\.zip"):
        recognise(path)
    assert not list(cache.rglob("*.png"))


def test_any_damage_ends_in_one_error_or_in_the_right_pictures(tmp_path: Path) -> None:
    path = Path(zipped(tmp_path / "photos.zip", PICTURES))
    content, expected = path.read_bytes(), load_training(str(path)).sha256
    draw = random.Random(5)
    for _ in range(40):
        harmed = bytearray(content)
        harmed[draw.randrange(len(harmed))] ^= 1 << draw.randrange(8)
        path.write_bytes(harmed)
        try:
            read = load_training(str(path))
        except DataError as error:
            assert "photos.zip" in str(error)
        else:  # a changed time or name of an entry
            assert read.sha256 == expected or read.left_out or read.classes != ("bags", "boots")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    for twin in ("bags/1.png", "./bags/1.png", "bags\\1.png"):
        path = Path(zipped(tmp_path / "twice.zip", PICTURES))
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(twin, png(9))
        with pytest.raises(DataError, match=r"twice\.zip: two entries are called bags/1\.png"):
            recognise(path)


def test_a_file_that_is_a_folder_too_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"both\.zip: bags/1\.png/2\.png: cannot be unpacked"):
        recognise(Path(zipped(tmp_path / "both.zip", PICTURES | {"bags/1.png/2.png": png(1)})))


def test_a_name_that_no_disk_can_have_is_named(tmp_path: Path, cache: Path) -> None:
    for name in ("x" * 300, "x" * 300 + "/"):
        with pytest.raises(DataError, match=r"long\.zip: x*: cannot be unpacked"):
            recognise(Path(zipped(tmp_path / "long.zip", PICTURES | {name: b""})))


def test_of_several_archives_in_a_folder_none_is_unpacked(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "set").mkdir()
    for name in ("one.zip", "two.zip"):
        zipped(tmp_path / "set" / name, PICTURES)
    with pytest.raises(DataError, match=r"several data sets, one\.zip, two\.zip; give one of them"):
        recognise(tmp_path / "set")
    assert not cache.exists()


def test_names_that_differ_by_case_are_both_read_or_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "cases.zip", PICTURES | {f"bags/{name}.png": png(3) for name in "Aa"})
    insensitive = (tmp_path / "CASES.ZIP").exists()
    if insensitive:
        with pytest.raises(DataError, match=r"cases\.zip: bags/a\.png: cannot be unpacked"):
            recognise(Path(path))
    else:
        assert len(load_training(path)) + len(load_test(path)) == 14


def test_backslashes_and_unmarked_utf8_are_understood_and_told(tmp_path: Path) -> None:
    path = Path(zipped(tmp_path / "windows.zip", {name.replace("/", "\\"): one for name, one in PICTURES.items()}))
    pictures = load_training(str(path))
    assert pictures.classes == ("bags", "boots") and any("read as /" in note for note in pictures.notes)
    path = Path(zipped(tmp_path / "mac.zip", {name.replace("boots", "Schöhe"): one for name, one in PICTURES.items()}))
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        start = -1
        while (start := content.find(signature, start + 1)) >= 0:
            content[start + offset] &= ~0x08  # the flag that says UTF-8
    path.write_bytes(content)
    pictures = load_training(str(path))
    assert pictures.classes == ("Schöhe", "bags") and "names in the archive are read as UTF-8" in pictures.notes


def test_zip64_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "large.zip", "w") as archive:
        for name, content in PICTURES.items():
            with archive.open(name, "w", force_zip64=True) as stream:
                stream.write(content)
    assert len(load_training(str(tmp_path / "large.zip"))) == 10
