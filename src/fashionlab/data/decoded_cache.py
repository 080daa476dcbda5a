"""Decoded pictures kept in the user's cache as one uint8 array, so that a folder is decoded once.

The name is a hash of the files' paths, sizes and times and of the wanted form: a folder that changes is decoded again.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import platformdirs

from fashionlab.common.errors import DataError, FashionlabError, UsageError
from fashionlab.common.files import replacing, write_json
from fashionlab.common.progress import note
from fashionlab.data.decode import Shape, decode_into, survey

BUDGET_VARIABLE = "FASHIONLAB_MEMORY_BUDGET_MB"
_DEFAULT_BUDGET_MB = 1024
_VERSION = 1  # to be raised when decoding gives other pixels than before


def user_cache() -> Path:
    """The folder for what can be made or fetched again; XDG_CACHE_HOME moves it."""
    return platformdirs.user_cache_path("fashionlab")


def memory_budget() -> int:
    """Bytes of decoded pictures that are held in memory; larger sets are memory-mapped."""
    text = os.environ.get(BUDGET_VARIABLE) or str(_DEFAULT_BUDGET_MB)
    if not text.isdigit():
        raise UsageError(f"{BUDGET_VARIABLE}={text!r}: expected a whole number of mebibytes")
    return int(text) << 20


class DecodedCache:
    """The decoded pictures of `paths`. `form`: what besides the files decides the pixels."""

    def __init__(self, paths: Sequence[Path], *form: object) -> None:
        self._paths = paths
        digest = hashlib.sha256(repr((_VERSION, form)).encode())
        for path in paths:
            status = path.stat()
            digest.update(f"{path.absolute()}\0{status.st_size}\0{status.st_mtime_ns}\0".encode(errors="surrogateescape"))
        self._file = user_cache() / "decoded" / f"{digest.hexdigest()[:32]}.npy"

    @property
    def _unreadable_file(self) -> Path:
        return self._file.with_suffix(".json")

    def shape(self) -> Shape | None:
        """The shape that the kept pictures have; None when there are none."""
        images = self._open(mapped=True)
        return None if images is None else Shape(*images.shape[1:])

    def read(self, shape: Shape, skip_unreadable: bool) -> tuple[np.ndarray, dict[int, str]]:
        """uint8 [N, C, H, W], and the reason for each index that could not be read (its picture is black).

        Raises DataError when a picture is unreadable and that is not to be skipped; nothing is kept then.
        """
        mapped = len(self._paths) * math.prod((shape.channels, shape.height, shape.width)) > memory_budget()
        images = self._open(mapped)
        if images is not None:
            reasons: dict[str, str] = json.loads(self._unreadable_file.read_text(encoding="utf-8"))
            unreadable = {int(index): reason for index, reason in reasons.items()}
            self._check(unreadable, skip_unreadable)
            return images, unreadable
        size = (len(self._paths), shape.channels, shape.height, shape.width)
        if mapped:
            return self._decode_to_file(size, skip_unreadable)
        images = np.zeros(size, dtype=np.uint8)
        unreadable = decode_into(images, self._paths)
        self._check(unreadable, skip_unreadable)
        try:
            with replacing(self._file) as temporary, temporary.open("wb") as stream:
                np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(images))
                stream.write(images.data)
                write_json(self._unreadable_file, unreadable)
        except FashionlabError as error:
            note(f"warning: decoded pictures are not kept for the next time: {error}")
        return images, unreadable

    def _open(self, mapped: bool) -> np.ndarray | None:
        # Mode "c" (changes stay private) and not "r": PyTorch warns about arrays that cannot be written.
        try:
            return np.load(self._file, mmap_mode="c" if mapped else None) if self._unreadable_file.exists() else None
        except (OSError, ValueError, EOFError):
            return None

    def _decode_to_file(self, size: tuple[int, ...], skip_unreadable: bool) -> tuple[np.ndarray, dict[int, str]]:
        with replacing(self._file) as temporary:
            images = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=size)
            with temporary.open("r+b") as stream:
                # Without its blocks reserved, a full disk would end the process (SIGBUS) on writing to the mapping.
                os.posix_fallocate(stream.fileno(), 0, temporary.stat().st_size)
            unreadable = decode_into(images, self._paths)
            self._check(unreadable, skip_unreadable)
            images.flush()
            write_json(self._unreadable_file, unreadable)
        opened = self._open(mapped=True)
        if opened is None:
            raise DataError(f"{self._file}: decoded pictures cannot be read back")
        return opened, unreadable

    @staticmethod
    def _check(unreadable: dict[int, str], skip: bool) -> None:
        if unreadable and not skip:
            others = f" (and {len(unreadable) - 1} more)" if len(unreadable) > 1 else ""
            first = next(iter(unreadable.values()))
            raise DataError(f"{first}{others}; --skip-unreadable lists such files and goes on")


def read_folder(paths: Sequence[Path], training: Sequence[Path], image_size: int | None, channels: int | None,
                skip_unreadable: bool) -> tuple[np.ndarray, dict[int, str]]:
    """Decode `paths` in the form that fits the `training` pictures (a test part must look like what was trained on)."""
    cache = DecodedCache(training, image_size, channels)
    shape = cache.shape() or survey(training, image_size, channels)
    if paths is not training:
        cache = DecodedCache(paths, shape)
    return cache.read(shape, skip_unreadable)
