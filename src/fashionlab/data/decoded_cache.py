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
from fashionlab.common.records import Preparation
from fashionlab.data.decode import decode_into, file_state
from fashionlab.preparation import PictureFacts

BUDGET_VARIABLE = "FASHIONLAB_MEMORY_BUDGET_MB"
_DEFAULT_BUDGET_MB = 1024
_VERSION = 2  # to be raised when decoding gives other pixels than before


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
    """The decoded pictures of `paths`, prepared, or as they are where `form` says that all have one size."""

    def __init__(self, paths: Sequence[Path], form: Preparation | PictureFacts) -> None:
        self._paths, self._form = paths, form
        self._preparation = form if isinstance(form, Preparation) else None
        if isinstance(form, Preparation):
            self._shape = (form.channels, form.size, form.size)
        else:
            assert form.same, "pictures of several sizes need a preparation"
            self._shape = (1 if form.grey else 3, *form.same)
        digest = hashlib.sha256(repr((_VERSION, self._preparation, self._shape)).encode())
        for path in paths:
            digest.update(f"{path.absolute()}\0{file_state(path)}\0".encode(errors="surrogateescape"))
        self._file = user_cache() / "decoded" / f"{digest.hexdigest()[:32]}.npy"

    @property
    def _unreadable_file(self) -> Path:
        return self._file.with_suffix(".json")

    def read(self, skip_unreadable: bool) -> tuple[np.ndarray, dict[int, str]]:
        """uint8 [N, C, H, W] of those that can be read, and why the others cannot, by their places among all paths.

        Raises DataError when a picture is unreadable and that is not to be skipped; nothing is kept then.
        """
        size = (len(self._paths), *self._shape)
        mapped = math.prod(size) > memory_budget()
        images, unreadable = self._kept(mapped) or (
            self._decode_to_file(size, skip_unreadable) if mapped else self._decode(size, skip_unreadable))
        self._check(unreadable, skip_unreadable)
        if not unreadable:
            return images, unreadable
        readable = np.setdiff1d(np.arange(len(self._paths)), list(unreadable))
        if not mapped:
            return images[readable], unreadable
        # Taken out of a mapped array they would all be copied into memory.
        return DecodedCache([self._paths[index] for index in readable], self._form).read(False)[0], unreadable

    def _kept(self, mapped: bool) -> tuple[np.ndarray, dict[int, str]] | None:
        """What was decoded before."""
        images = self._open(mapped)
        if images is None:
            return None
        reasons: dict[str, str] = json.loads(self._unreadable_file.read_text(encoding="utf-8"))
        return images, {int(index): reason for index, reason in reasons.items()}

    def _decode(self, size: tuple[int, ...], skip_unreadable: bool) -> tuple[np.ndarray, dict[int, str]]:
        images = np.zeros(size, dtype=np.uint8)
        unreadable = decode_into(images, self._paths, self._preparation)
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
            unreadable = decode_into(images, self._paths, self._preparation)
            self._check(unreadable, skip_unreadable)
            images.flush()
            write_json(self._unreadable_file, unreadable)
        opened = self._open(mapped=True)
        if opened is None:
            raise DataError(f"{self._file}: decoded pictures cannot be read back")
        return opened, unreadable

    def _check(self, unreadable: dict[int, str], skip: bool) -> None:
        if unreadable and not skip:
            others = f" (and {len(unreadable) - 1} more)" if len(unreadable) > 1 else ""
            index, reason = next(iter(unreadable.items()))
            raise DataError(f"{self._paths[index]}: {reason}{others}; --skip-unreadable lists such files and goes on")
