"""Named bytes in a folder or a zip, with a SHA-256 sum of each: written at once, read only when all is as written.

The sums find damage and careless changes. They are no signature: whoever can write the file can write new sums.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.files import replacing, replacing_folder

SUMS = "SHA256SUMS"  # as `sha256sum --check` reads it
MOST_BYTES = 512 * 2**20
MOST_FILES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def write(target: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` and their sums to `target`, atomically: a zip where the name ends in .zip, else a folder.

    Equal files give an equal zip, byte for byte. Raises FashionlabError when `target` cannot be written.
    """
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items())]
    everything = {SUMS: "".join(lines).encode(), **files}
    if target.suffix == ".zip":
        with replacing(target) as temporary:
            temporary.write_bytes(_zipped(everything))
    else:
        with replacing_folder(target) as folder:
            for name, content in everything.items():
                (folder / name).write_bytes(content)


def _zipped(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def read(source: Path) -> dict[str, bytes]:
    """Everything in the folder or zip `source` but the sums, by name, in memory: nothing is unpacked onto the disk.

    Raises DataError when there is nothing, or a file is missing, added, changed, or larger than 512 MiB in all.
    """
    try:
        if not source.exists():
            raise DataError(f"{source}: there is no such file or folder")
        if source.is_dir():
            files = _folder(source)
        else:
            _check_names([], source.stat().st_size, str(source))  # before it is read
            files = _unzipped(source.read_bytes(), str(source))
    except OSError as error:
        raise DataError(f"{source}: not readable ({error.strerror or error})") from error
    return _verified(files, source)


def _folder(source: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(source.iterdir()) if not path.name.startswith(".")]  # those are the desktop's
    if not (source / SUMS).is_file():
        raise DataError(f"{source}: not an artifact of fashionlab (no {SUMS} in it)")
    names = [path.name if path.is_file() else f"{path.name}/" for path in paths]
    _check_names(names, sum(path.stat().st_size for path in paths), str(source))
    return {path.name: path.read_bytes() for path in paths}


def _unzipped(content: bytes, source: str) -> dict[str, bytes]:
    """The members of a zip. Raises DataError for one that is broken, encrypted, too large or holds odd names."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            _check_names([one.filename for one in members], sum(one.file_size for one in members), source)
            return {one.filename: _member(archive, one) for one in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise DataError(f"{source}: no readable zip ({error})") from error


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Not more than its header tells, of the two ways of packing that give little more than what is asked for."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{member.filename[:60]!r} is packed in a way that no artifact of fashionlab is")
    with archive.open(member) as file:
        content = file.read(member.file_size)
        if len(content) != member.file_size or file.read(1):
            raise ValueError(f"{member.filename[:60]!r} has another size than told")
        return content


def _check_names(names: list[str], size: int, source: str) -> None:
    odd = [name for name in names if not _NAME.fullmatch(name)]
    if odd:
        raise DataError(f"{source}: holds {odd[0][:60]!r}, which no artifact of fashionlab does")
    if len(set(names)) != len(names) or len(names) > MOST_FILES or size > MOST_BYTES:
        raise DataError(f"{source}: {len(names)} files of {size:,} bytes; expected at most {MOST_FILES} different ones "
                        f"of {MOST_BYTES:,} bytes in all")


def _verified(files: dict[str, bytes], source: Path) -> dict[str, bytes]:
    try:
        listing = files.pop(SUMS).decode("ascii").splitlines()
        sums = {name: digest for digest, name in (line.split("  ", 1) for line in listing)}
    except (KeyError, ValueError) as error:
        raise DataError(f"{source}: not an artifact of fashionlab (no readable {SUMS} in it)") from error
    for name in sorted(sums.keys() | files.keys()):
        if name not in files or name not in sums:
            what = "missing" if name in sums else f"not listed in {SUMS}"
            raise DataError(f"{source}: refused, {name} is {what}; export it again")
        if hashlib.sha256(files[name]).hexdigest() != sums[name]:
            raise DataError(f"{source}: refused, {name} is not as it was written (its SHA-256 differs); "
                            "export it again")
    return files


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as an .npz file; equal arrays give equal bytes."""
    members = {}
    for name, array in arrays.items():
        stream = io.BytesIO()
        np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
        members[f"{name}.npy"] = stream.getvalue()
    return _zipped(members)


def unpack_arrays(content: bytes, source: str) -> dict[str, np.ndarray]:
    """Read what `pack_arrays` made. Raises DataError when it is something else."""
    try:
        return {name.removesuffix(".npy"): np.lib.format.read_array(io.BytesIO(member), allow_pickle=False)
                for name, member in _unzipped(content, source).items()}
    except (ValueError, EOFError, MemoryError) as error:
        raise DataError(f"{source}: no readable arrays ({error})") from error
