"""The IDX format of MNIST and its relatives, gzipped or not.

Layout (yann.lecun.com/exdb/mnist): two zero bytes, the type (8: uint8), the number of dimensions, each dimension as a
big-endian uint32, then the bytes. Pictures are [N, H, W], or [N, H, W, 3] for colour; labels are [N].
"""

from __future__ import annotations

import gzip
import hashlib
import math
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.naming import some_of
from fashionlab.common.progress import note
from fashionlab.common.records import LeftOut
from fashionlab.data.folder_contents import left_beside
from fashionlab.data.formats.base import FORMATS, DataFormat, LoneFile, Parts
from fashionlab.data.part_names import IDX_WORDS
from fashionlab.data.pictures import from_channels_last, to_channels_last
from fashionlab.data.source import CLASSES_FILE, PARTS, Part, RawPart, Source, read_classes

_UINT8 = 8
_EMNIST = ("EMNIST's pictures are stored on their side and are read so from a path; --dataset emnist-balanced (or "
           "another of its names) with --data-dir FOLDER turns them")
_LONE_NAME = re.compile(r".*(idx[34]-ubyte|\.idx)(\.gz)?", re.IGNORECASE)
_NAME = re.compile(rf"(?P<prefix>.*?)(?P<part>{'|'.join(IDX_WORDS)})-(?P<what>images|labels)[-.]idx[134]-ubyte(\.gz)?",
                   re.IGNORECASE)


def read_idx(path: Path, dimensions: tuple[int, ...]) -> np.ndarray:
    """The uint8 array in the IDX file `path`. `dimensions`: the numbers of dimensions that are expected.

    Raises DataError naming the file: missing, truncated, damaged, wrong magic number, or longer than its header says.
    """
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if zipped else raw
            return _parse(stream, path, dimensions)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read, truncated or damaged? ({error})") from error


def _parse(stream: BinaryIO, path: Path, dimensions: tuple[int, ...]) -> np.ndarray:
    magic = stream.read(4)
    valid = [bytes((0, 0, _UINT8, n)) for n in dimensions]
    if magic not in valid:
        expected = " or ".join(f"0x{value.hex()}" for value in valid)
        kind = {1: "labels", 3: "pictures", 4: "pictures"}.get(magic[3]) if magic[:3] == bytes((0, 0, _UINT8)) else None
        hint = f"; it holds {kind}, are the two files swapped?" if kind else ""
        raise DataError(f"{path}: magic number 0x{magic.hex()}, expected {expected} (IDX of bytes, "
                        f"{' or '.join(map(str, dimensions))} dimensions){hint}")
    header = stream.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise DataError(f"{path}: truncated within its header")
    shape = struct.unpack(f">{magic[3]}I", header)
    size = math.prod(shape)
    data = _read(stream, size + 1)  # one byte more, to notice a longer file
    if len(data) != size:
        actual = f"only {len(data):,} follow" if len(data) < size else "more follow"
        raise DataError(f"{path}: its header promises {' x '.join(map(str, shape))} = {size:,} bytes, {actual}")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def _read(stream: BinaryIO, size: int) -> bytearray:
    """At most `size` bytes, in pieces: a header's absurd promise must not reserve memory for it."""
    data = bytearray()
    while len(data) < size and (piece := stream.read(min(size - len(data), 1 << 24))):
        data += piece
    return data


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write a uint8 array; gzipped when the name ends in .gz (without a time stamp: equal data, equal bytes)."""
    with path.open("wb") as raw:
        if path.suffix == ".gz":
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as zipped:
                zipped.write(_header(array))
                zipped.write(np.ascontiguousarray(array).data)
        else:
            raw.write(_header(array))
            raw.write(np.ascontiguousarray(array).data)


def write_set(folder: Path, parts: Parts) -> None:
    """The four files of a data set, gzipped, under MNIST's names."""
    for part, pictures in parts.items():
        if len(pictures.classes) > 256:
            raise DataError(f"{pictures.source}: {len(pictures.classes)} classes, an IDX file holds at most 256")
        images = to_channels_last(pictures.images)
        prefix = {"train": "train", "val": "val", "test": "t10k"}[part]
        write_idx(folder / f"{prefix}-images-idx{images.ndim}-ubyte.gz", images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", pictures.labels.astype(np.uint8))


def _header(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, _UINT8, array.ndim, *array.shape)


def sha256(array: np.ndarray) -> str:
    """Hash of the decompressed IDX file that holds `array`."""
    digest = hashlib.sha256(_header(array))
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


@dataclass(frozen=True)
class IdxFiles:
    """The IDX files of a data set, two a part.

    files: for each part the pictures' and the labels' file.
    hashes: SHA-256 of the decompressed files by name without .gz; a file that is not listed is not verified.
    foreign: names by hash of other sets' files, which must not pass for this one's (MNIST's relatives share names).
    first_label: the number of the first class. transposed: pictures are stored column by column.
    """

    files: Mapping[Part, tuple[Path, Path]]
    hashes: Mapping[str, str] = field(default_factory=dict)
    foreign: Mapping[str, str] = field(default_factory=dict)
    first_label: int = 0
    transposed: bool = False

    def source(self, describe: str, classes: tuple[str, ...] | None, notes: tuple[str, ...] = (),
               left_out: tuple[LeftOut, ...] = ()) -> Source:
        """classes: None reads classes.txt or numbers them."""
        known = classes or read_classes(self.files["train"][1].parent)
        own = ("the pictures are stored column by column and are turned" if self.transposed else "",
               f"the first class is label {self.first_label} in the files" if self.first_label else "")
        return Source(describe, {part: partial(self._read, part) for part in self.files}, known,
                      (*filter(None, own), *notes), left_out)

    def _read(self, part: Part) -> RawPart:
        images_path, labels_path = self.files[part]
        images = read_idx(images_path, (3, 4))
        labels = read_idx(labels_path, (1,))
        if len(images) != len(labels):
            raise DataError(f"{images_path}: {len(images)} pictures, but {labels_path.name} has {len(labels)} labels")
        if not images.size:
            raise DataError(f"{images_path}: holds no pictures")
        self._verify(images_path, images)
        self._verify(labels_path, labels)
        pictures, notes = _channels_first(images, images_path)
        if self.transposed:
            pictures = np.ascontiguousarray(pictures.transpose(0, 1, 3, 2))
        return RawPart(str(labels_path), pictures, labels.astype(np.int64) - self.first_label, notes=notes)

    def _verify(self, path: Path, array: np.ndarray) -> None:
        expected = self.hashes.get(path.name.removesuffix(".gz"))
        if expected is None and not self.foreign:
            return
        digest = sha256(array)
        if digest in self.foreign:
            raise DataError(f"{path}: this is a file of {self.foreign[digest]}")
        if expected not in (None, digest):
            raise DataError(f"{path}: sha256 of the decompressed file is {digest[:16]}..., expected "
                            f"{str(expected)[:16]}...; fetch it again, or give data of your own as --dataset FOLDER")


def named_files(folder: Path, names: Mapping[Part, tuple[str, str]]) -> dict[Part, tuple[Path, Path]] | None:
    """The files called `names` in `folder`, plain or with .gz; None when one is missing."""
    files: dict[Part, tuple[Path, Path]] = {}
    for part, (images, labels) in names.items():
        pair = _existing(folder / images), _existing(folder / labels)
        if pair[0] is None or pair[1] is None:
            return None
        files[part] = (pair[0], pair[1])
    return files


def _existing(path: Path) -> Path | None:
    for candidate in (path, path.with_name(path.name + ".gz")):
        if candidate.is_file():
            return candidate
    return None


def detect(folder: Path) -> Source | None:
    """The IDX files of one data set in `folder`; None when it has none.

    Raises DataError when a file is missing or there are several sets.
    """
    if not folder.is_dir():
        return None
    sets = _sets_in(folder)
    if not sets:
        return None
    if len(sets) > 1:
        raise DataError(f"{folder}: holds several data sets ({some_of(sorted(sets))}); give each a folder of its own")
    prefix, files = next(iter(sets.items()))
    present: list[Part] = [part for part in PARTS if part == "train" or any(key[0] == part for key in files)]
    missing = [f"{part} {what}" for part in present for what in ("images", "labels") if (part, what) not in files]
    if missing:
        raise DataError(f"{folder}: incomplete, the IDX file of the {' and the '.join(missing)} is missing "
                        "(expected train-images-idx3-ubyte and the like)")
    parts: dict[Part, tuple[Path, Path]] = {
        part: (files[part, "images"], files[part, "labels"]) for part in present}
    notes = (_EMNIST,) if prefix.lower().startswith("emnist") else ()
    beside = left_beside(folder, {*files.values(), folder / CLASSES_FILE})
    return IdxFiles(parts).source(f"IDX files in {folder}", None, notes, beside)


def _sets_in(folder: Path) -> dict[str, dict[tuple[Part, str], Path]]:
    """For each beginning of names, the files by part and by images or labels."""
    sets: dict[str, dict[tuple[Part, str], Path]] = {}
    for path in sorted(folder.iterdir(), reverse=True):  # so that a plain file, sorted before its .gz, wins
        match = _NAME.fullmatch(path.name)
        if not match or not path.is_file():
            continue
        part, what = IDX_WORDS[match["part"].lower()], match["what"].lower()
        files = sets.setdefault(match["prefix"], {})
        other = files.get((part, what))
        if other and other.name != f"{path.name}.gz":
            raise DataError(f"{folder}: {path.name} and {other.name} may both be the {PARTS[part]} {what}; "
                            "remove one of them")
        files[part, what] = path
    return sets


def _channels_first(images: np.ndarray, path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """[N, C, H, W] of [N, H, W] or [N, H, W, C], or else of [N, C, H, W], C 1 or 3; and a note where the shape is of
    the last form, or may be of both."""
    first, last = images.shape[1] in (1, 3), images.ndim == 3 or images.shape[3] in (1, 3)
    shape = f"{path}: pictures of shape {list(images.shape)}"
    if last:
        notes = (f"{shape} are taken for [N, H, W, C]",) if first and images.ndim == 4 else ()
        return from_channels_last(images), notes
    if first:
        return images, (f"{shape} are taken for [N, C, H, W]",)
    raise DataError(f"{shape}, expected [N, H, W] or [N, H, W, 3]")


def _read_file(path: Path) -> np.ndarray:
    images, notes = _channels_first(read_idx(path, (3, 4)), path)
    for sentence in notes:
        note(sentence)
    return images


FORMATS.add("idx", DataFormat(
    "a folder with IDX files", detect, write_set,
    lone_file=LoneFile(lambda name: bool(_LONE_NAME.fullmatch(name)), _read_file),
))
