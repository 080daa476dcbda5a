from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

from fashionlab.common.errors import DataError
from fashionlab.data.formats.idx import detect, read_idx, sha256, write_idx
from fashionlab.data.read import read
from fashionlab.data.source import Wanted
from toys import idx_bytes

ARRAYS = st_numpy.arrays(np.uint8, st_numpy.array_shapes(min_dims=1, max_dims=4, max_side=6))


@given(array=ARRAYS, zipped=st.booleans())
def test_round_trip_and_torchvision_reads_the_same(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray,
                                                   zipped: bool) -> None:
    path = tmp_path_factory.mktemp("idx") / ("x.gz" if zipped else "x")
    write_idx(path, array)
    read = read_idx(path, (array.ndim,))
    assert read.dtype == np.uint8 and read.flags.writeable
    np.testing.assert_array_equal(read, array)
    if not zipped and array.ndim <= 3:  # torchvision stops at three
        assert torch.equal(read_sn3_pascalvincent_tensor(str(path)), torch.from_numpy(array))


def test_the_hash_is_that_of_the_decompressed_file(tmp_path: Path) -> None:
    import hashlib

    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    write_idx(tmp_path / "x.gz", array)
    assert sha256(array) == hashlib.sha256(gzip.decompress((tmp_path / "x.gz").read_bytes())).hexdigest()


def test_equal_data_gives_equal_bytes(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.uint8)
    write_idx(tmp_path / "a.gz", array)
    write_idx(tmp_path / "b.gz", array)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


GOOD = idx_bytes(np.zeros((3, 4, 4), dtype=np.uint8))


@pytest.mark.parametrize(("content", "expected"), [
    (b"", "magic number"),
    (b"not an idx file", "magic number 0x6e6f7420, expected 0x00000803"),
    (idx_bytes(np.zeros(3, dtype=np.uint8)), "magic number 0x00000801, expected 0x00000803"),
    (struct.pack(">BBBB3I", 0, 0, 13, 3, 1, 1, 1) + b"1234", "magic number 0x00000d03"),
    (GOOD[:10], "truncated within its header"),
    (GOOD[:-1], "promises 3 x 4 x 4 = 48 bytes, only 47 follow"),
    (GOOD + b"x", "promises 3 x 4 x 4 = 48 bytes, more follow"),
    (struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1), "only 0 follow"),
    (gzip.compress(GOOD)[:-9], "truncated or damaged"),
    (gzip.compress(GOOD)[:-8] + bytes(8), "truncated or damaged"),
], ids=["empty", "text", "labels", "floats", "header", "short", "long", "absurd", "cut-gzip", "damaged-gzip"])
def test_bad_files_are_named(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataError, match=expected) as caught:
        read_idx(path, (3,))
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing-here"):
        read_idx(tmp_path / "nothing-here", (3,))


def _write(folder: Path, train: list[int], test: list[int]) -> None:
    for prefix, labels in (("train", train), ("t10k", test)):
        write_idx(folder / f"{prefix}-images-idx3-ubyte.gz", np.zeros((len(labels), 4, 4), dtype=np.uint8))
        write_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", np.array(labels, dtype=np.uint8))


def test_classes_are_numbered_or_named(tmp_path: Path) -> None:
    _write(tmp_path, [0, 1, 2], [2, 0])
    source = detect(tmp_path)
    assert source is not None
    assert read(source, "train", Wanted()).classes == read(source, "test", Wanted()).classes == ("0", "1", "2")
    (tmp_path / "classes.txt").write_text("hat\nscarf\nsock\nnever seen\n")
    source = detect(tmp_path)
    assert source is not None
    assert read(source, "test", Wanted()).classes == ("hat", "scarf", "sock", "never seen")


@pytest.mark.parametrize(("train", "test", "part", "expected"), [
    ([0, 1, 9], [0], "train", r"label 9 \(picture 2\) is out of range: expected 0 to 1"),
    ([0, 1, 2], [0, 3], "test", r"t10k-labels.*label 3 \(picture 1\) is out of range: expected 0 to 2"),
    ([0, 0, 0], [0], "train", "only 1 class"),
    ([1, 2, 2], [1], "train", "labels from 0 on"),
])
def test_labels_out_of_range(tmp_path: Path, train: list[int], test: list[int], part: str, expected: str) -> None:
    _write(tmp_path, train, test)
    source = detect(tmp_path)
    assert source is not None
    with pytest.raises(DataError, match=expected):
        read(source, part, Wanted())  # type: ignore[arg-type]


def test_a_missing_part_and_mixed_sets_are_named(tmp_path: Path) -> None:
    assert detect(tmp_path) is None
    _write(tmp_path, [0, 1], [0])
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="test labels"):
        detect(tmp_path)
    write_idx(tmp_path / "emnist-letters-train-images-idx3-ubyte.gz", np.zeros((1, 2, 2), dtype=np.uint8))
    with pytest.raises(DataError, match="several data sets"):
        detect(tmp_path)
