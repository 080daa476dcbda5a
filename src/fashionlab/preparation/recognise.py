"""Which files are pictures: by their names, or by how they begin. Nothing is decoded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

# Names that promise a picture of a form that is read: such a file is one, damaged where it cannot be opened.
_READ = frozenset((
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".webp", ".avif", ".avifs", ".bmp", ".dib", ".gif",
    ".tif", ".tiff", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".tga",
    ".ico", ".cur", ".dds", ".pcx", ".psd", ".qoi", ".sgi", ".ras", ".xpm", ".heic", ".heif", ".hif"))
_RAW = frozenset((".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".kdc", ".mrw", ".nef", ".nrw", ".orf",
                  ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"))
_DRAWINGS = frozenset((".ai", ".emf", ".eps", ".svg", ".svgz", ".wmf"))
_OTHERS = frozenset((".bpg", ".djvu", ".exr", ".flif", ".icns", ".jxl", ".jxr", ".xbm", ".xcf"))
_BEGINNINGS = (
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"\0\0\0\x0cjP  \r\n\x87\n", b"\xffO\xffQ",
    b"8BPS\0\1", b"qoif", b"DDS ", b"\x59\xa6\x6a\x95", b"/* XPM */",
    b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # TIFF and BigTIFF
_JPEG_XL = (b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a")
_RAW_BEGINNINGS = (b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"II\x1a\0\0\0HEAPCCDR", b"FOVb")
# What two or three letters could begin by chance is looked at more closely.
_MORE = re.compile(
    rb"BM.{4}\0{4}.{4}(\x0c|\x28|\x34|\x38|\x40|\x6c|\x7c)\0\0\0"  # BMP: nothing reserved, a header of a known size
    rb"|P[1-6][ \t\r\n]+(#[^\n]*\n\s*)*\d|P[Ff]\s+\d+\s+\d+\s+-?[\d.]"  # PNM: a size follows; PFM
    rb"|RIFF.{4}WEBP"
    rb"|\0\0[\1\2]\0[^\0]\0.{3}\0"  # ICO and CUR: up to 255 pictures
    rb"|\x01\xda[\0\1][\1\2]\0[\1-\3]"  # SGI
    rb"|\x0a[\0\2\3\5]\x01[\1\2\4\x08]", re.DOTALL)  # PCX
_HEIC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_ANY_BRANDS = frozenset((b"mif1", b"msf1"))  # which of the two the others tell
_HEAD = 256


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its name or, where that says nothing, by how it begins; read here or not."""
    suffix = path.suffix.lower()
    if suffix in _READ or suffix in _RAW or suffix in _DRAWINGS or suffix in _OTHERS:
        return True
    try:
        start = head(path)
    except OSError:
        return False
    return (start.startswith((*_BEGINNINGS, *_JPEG_XL, *_RAW_BEGINNINGS)) or _MORE.match(start) is not None
            or not _HEIC_BRANDS.isdisjoint(_brands(start)) or not _AVIF_BRANDS.isdisjoint(_brands(start)))


def form_not_read(name: str, start: bytes) -> str | None:
    """What a file of that name which begins so is, where it is a picture of a form that is not read; else None.

    A raw photo is told by its name first: many are TIFF files of which only a preview would be read.
    """
    suffix = Path(name).suffix.lower()
    if start.startswith(_JPEG_XL) or suffix == ".jxl":
        return "JPEG XL, a form of pictures that is not read"
    if start.startswith(_RAW_BEGINNINGS) or (suffix in _RAW and not start.startswith((b"\xff\xd8\xff", b"\x89PNG"))):
        return "a raw photo, expected a developed one, such as a JPEG or a TIFF"
    if suffix in _DRAWINGS and not start.startswith(_BEGINNINGS):
        return "a drawing, expected a picture made of pixels"
    if suffix in _OTHERS and not start.startswith(_BEGINNINGS):
        return f"{suffix[1:].upper()}, a form of pictures that is not read"
    return None


def is_heic(start: bytes) -> bool:
    """Whether a file that begins so is HEIC or HEIF, the form of phones' photos."""
    brands = _brands(start)
    if brands and brands[0] in _AVIF_BRANDS | _HEIC_BRANDS:
        return brands[0] in _HEIC_BRANDS
    if _AVIF_BRANDS.isdisjoint(brands):
        return not (_HEIC_BRANDS | _ANY_BRANDS).isdisjoint(brands[:1]) or not _HEIC_BRANDS.isdisjoint(brands)
    return False


def _brands(start: bytes) -> Sequence[bytes]:
    """The brands in the ftyp box that such a file begins with, the main one first; none where there is no such box."""
    if start[4:8] != b"ftyp":
        return ()
    end = min(int.from_bytes(start[:4], "big"), len(start))
    return [start[8:12], *(start[at : at + 4] for at in range(16, end - 3, 4))]


def head(source: Path | bytes) -> bytes:
    """How a file begins, as much as tells its form. Raises OSError."""
    if isinstance(source, bytes):
        return source[:_HEAD]
    with source.open("rb") as stream:
        return stream.read(_HEAD)
