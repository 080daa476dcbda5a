"""Files with sums: nothing that is not exactly as written is read."""

from __future__ import annotations

import io
import subprocess
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fashionlab.common.errors import DataError, FashionlabError
from fashionlab.deploy import archive

FILES = {"a.json": b'{"a": 1}', "model.onnx": bytes(range(256)) * 40, "empty.txt": b""}


@pytest.fixture(params=["artifact", "artifact.zip"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    archive.write(tmp_path / request.param, FILES)
    return tmp_path / request.param


def test_what_is_written_is_read(written: Path) -> None:
    assert archive.read(written) == FILES
    assert [path.name for path in written.parent.iterdir()] == [written.name], "no temporary files are left"


def test_writing_again_replaces_everything(written: Path) -> None:
    archive.write(written, {"b.txt": b"b"})
    assert archive.read(written) == {"b.txt": b"b"}


def test_equal_files_give_an_equal_zip(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        archive.write(tmp_path / name, dict(sorted(FILES.items(), reverse=name == "a.zip")))
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_sha256sum_can_check_it(tmp_path: Path) -> None:
    archive.write(tmp_path / "artifact", FILES)
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", archive.SUMS], cwd=tmp_path / "artifact", check=True)


def change(folder: Path) -> None:
    content = bytearray((folder / "model.onnx").read_bytes())
    content[5] ^= 1
    (folder / "model.onnx").write_bytes(content)


@pytest.mark.parametrize(("harm", "words"), [
    (change, "model.onnx is not as it was written"),
    (lambda folder: (folder / "model.onnx").write_bytes(FILES["model.onnx"][:-1]), "not as it was written"),
    (lambda folder: (folder / "a.json").unlink(), "a.json is missing"),
    (lambda folder: (folder / "more.onnx").write_bytes(b"x"), "more.onnx is not listed"),
    (lambda folder: (folder / "SHA256SUMS").unlink(), "not an artifact"),
    (lambda folder: (folder / "SHA256SUMS").write_bytes(b"nonsense"), "not an artifact"),
    (lambda folder: (folder / "SHA256SUMS").write_bytes(b"\xff\xfe"), "not an artifact"),
    (lambda folder: (folder / "sub").mkdir(), "sub"),
])
def test_a_changed_folder_is_refused(tmp_path: Path, harm, words: str) -> None:
    archive.write(tmp_path / "artifact", FILES)
    harm(tmp_path / "artifact")
    with pytest.raises(DataError, match=words):
        archive.read(tmp_path / "artifact")


def test_a_changed_or_truncated_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "artifact.zip"
    archive.write(path, FILES)
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 0x55
        path.write_bytes(damaged)
        try:
            assert archive.read(path) == FILES, "a byte that means nothing may change"
        except DataError as error:
            assert str(path) in str(error)
        path.write_bytes(whole[:position])
        with pytest.raises(DataError):
            archive.read(path)


def zip_with(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, content in members:
            made.writestr(zipfile.ZipInfo(name), content)
    return path


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil", "a/b.txt", "..", ".hidden", "a\\b", "C:evil", "x" * 200])
def test_names_that_could_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    path = zip_with(tmp_path / "evil.zip", (name, b"x"))
    with pytest.raises(DataError, match="which no artifact of fashionlab does"):
        archive.read(path)
    assert [one.name for one in tmp_path.iterdir()] == ["evil.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_given_twice_too_many_or_too_large_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="2 files"):
        archive.read(zip_with(tmp_path / "twice.zip", ("a", b"x"), ("a", b"y")))
    with pytest.raises(DataError, match="40 files"):
        archive.read(zip_with(tmp_path / "many.zip", *((f"a{i}", b"x") for i in range(40))))
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("zeros", bytes(2_000_000))
    assert bomb.stat().st_size < 10_000
    monkeypatch.setattr(archive, "MOST_BYTES", 1_000_000)
    with pytest.raises(DataError, match="2,000,000 bytes"):
        archive.read(bomb)
    with pytest.raises(DataError, match="bytes"):
        archive.unpack_arrays(bomb.read_bytes(), "arrays")


@pytest.mark.parametrize("packed", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(tmp_path: Path, packed: int) -> None:
    path = tmp_path / "odd.zip"
    with zipfile.ZipFile(path, "w", packed) as made:
        made.writestr("zeros", bytes(100))
    with pytest.raises(DataError, match="packed in a way"):
        archive.read(path)


def test_a_zip_that_holds_more_than_it_tells_is_refused_without_unpacking_it(tmp_path: Path) -> None:
    path = tmp_path / "liar.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("zeros", bytes(50_000_000))
    content = path.read_bytes()
    path.write_bytes(content.replace((50_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=str(path)):
            archive.read(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_what_is_no_artifact_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no zip")
    (tmp_path / "empty.zip").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    zip_with(tmp_path / "foreign.zip", ("model.onnx", b"x"))
    for name in ("text.zip", "empty.zip", "folder", "foreign.zip", "missing"):
        with pytest.raises(DataError, match=name):
            archive.read(tmp_path / name)


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("a.zip", "a"):
        with pytest.raises(FashionlabError, match="cannot write"):
            archive.write(tmp_path / "file" / name, FILES)


def test_arrays_come_back_and_code_does_not() -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.zeros((0, 3), np.float32), "c": np.array(2)}
    packed = archive.pack_arrays(arrays)
    assert packed == archive.pack_arrays(arrays)
    unpacked = archive.unpack_arrays(packed, "x")
    assert unpacked.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(unpacked[name], array)
    with np.load(io.BytesIO(packed)) as theirs:
        np.testing.assert_array_equal(theirs["a"], arrays["a"])
    evil = io.BytesIO()
    np.savez(evil, a=np.array([object()]))
    for content in (evil.getvalue(), b"", b"PK", packed[:50]):
        with pytest.raises(DataError, match="x"):
            archive.unpack_arrays(content, "x")
