"""Picture files opened safely, whatever their names: limits checked before decoding, every failure one DataError."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import (  # the plug-ins: for a format that is not loaded yet, PIL would load all forty
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,  # noqa: F401
)

from fashionlab.common.errors import DataError

GREY, COLOUR = "L", "RGB"  # modes of PIL
MAX_BYTES = 64 << 20
MAX_PIXELS = 50_000_000
MAX_SCANS = 32  # of a progressive JPEG: encoders make about ten, each is decoded over all pixels
_USUAL = ("PNG", "JPEG", "WEBP")
# Of what Pillow reads, whatever is decoded by itself and known by its first bytes: no EPS, which runs another program,
# no form that is only named (WMF, GRIB, HDF5), no film, and none that any file would pass for.
_OTHERS = ("AVIF", "BMP", "DDS", "DIB", "GIF", "ICNS", "ICO", "JPEG2000", "PCX", "PPM", "PSD", "QOI", "SGI",
           "SUN", "TGA", "TIFF", "XBM", "XPM")
# Names that promise a picture, those among them that are not read (raw photos, drawings): these are told as unreadable.
_SUFFIXES = frozenset((
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".webp", ".avif", ".avifs", ".bmp", ".dib", ".gif",
    ".tif", ".tiff", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".tga",
    ".ico", ".icns", ".dds", ".pcx", ".psd", ".qoi", ".sgi", ".ras", ".xbm", ".xpm", ".heic", ".heif", ".hif", ".jxl",
    ".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".svg", ".eps"))
_BEGINNINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"II+\0",
               b"MM\0+", b"\0\0\0\x0cjP  \r\n", b"\xffO\xffQ", b"8BPS", b"qoif", b"DDS ",
               b"P5\n", b"P6\n", b"P5 ", b"P6 ")
_HEAD = 32  # bytes that tell a format
_CHUNK = 64
_ROWS = 256
T = TypeVar("T")
# PIL unpacks a PNG's texts while it reads the header, by default 64 MiB of them.
PngImagePlugin.MAX_TEXT_MEMORY = 2 << 20


class TooManyPixels(DataError):
    """A picture of more pixels than are decoded."""


@contextmanager
def opened(source: Path | bytes | Image.Image, name: str) -> Iterator[Image.Image]:
    """The picture in a file or in a file's bytes, or one that `look` gave, not yet decoded; closed when the block ends.

    Raises what `look` raises, within the block too.
    """
    with _one_error(name), source if isinstance(source, Image.Image) else look(source, name) as picture:
        _check_frames(picture, name)
        yield picture


def look(source: Path | bytes, name: str) -> Image.Image:
    """The picture in a file or in a file's bytes, open and not yet decoded.

    Whatever goes wrong becomes a DataError that calls the picture `name`: missing, empty, over 64 MiB or 50 megapixels
    (both known before decoding), damaged, an animation or several pages, or nothing that is read.
    """
    _check_size(source, name)
    with _one_error(name):
        picture = _identified(source, name)
        try:
            _check_header(picture, name)
        except BaseException:
            picture.close()
            raise
        return picture


def _check_size(source: Path | bytes, name: str) -> None:
    try:
        if isinstance(source, Path) and source.is_dir():
            raise DataError(f"{name}: a folder, expected a picture")
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror or error})") from error
    if not size:
        raise DataError(f"{name}: empty (0 bytes)")
    if size > MAX_BYTES:
        raise DataError(f"{name}: {size / 2**20:,.0f} MiB, the limit is {MAX_BYTES >> 20}")


def _identified(source: Path | bytes, name: str) -> Image.Image:
    """The file as whichever format it has by its content."""

    def stream() -> Path | io.BytesIO:
        return io.BytesIO(source) if isinstance(source, bytes) else source

    try:
        return Image.open(stream(), formats=_USUAL)
    except Image.UnidentifiedImageError:
        head = _head(source)
    if is_heic(head):
        _read_heic(name)
        return Image.open(stream(), formats=("HEIF",))
    Image.init()  # loads the other plug-ins, once
    return Image.open(stream(), formats=_OTHERS)


def _check_header(picture: Image.Image, name: str) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise TooManyPixels(f"{name}: {picture.width} x {picture.height} pixels, the limit is {MAX_PIXELS:,}")
    if isinstance(picture, JpegImagePlugin.JpegImageFile) and _scans(picture) > MAX_SCANS:
        raise DataError(f"{name}: a JPEG of more than {MAX_SCANS} scans, which would take too long to decode")
    _check_frames(picture, name)


def _check_frames(picture: Image.Image, name: str) -> None:
    # What a camera appends to a JPEG (MPO: a preview, a second view), or an icon's other sizes, are no animation.
    frames = 1 if picture.format in ("MPO", "ICO", "ICNS", "PSD") else getattr(picture, "n_frames", 1)
    if frames > 1:
        what = "a file of {} pages" if picture.format == "TIFF" else "an animation of {} frames"
        raise DataError(f"{name}: {what.format(frames)}, expected one picture")


def _head(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[:_HEAD]
    with source.open("rb") as stream:
        return stream.read(_HEAD)


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its name or, where that says nothing, by how it begins."""
    if path.suffix.lower() in _SUFFIXES:
        return True
    try:
        head = _head(path)
    except OSError:
        return False
    return (head.startswith(_BEGINNINGS) or is_heic(head) or head[4:12] in (b"ftypavif", b"ftypavis")
            or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"))


def is_heic(head: bytes) -> bool:
    """Whether a file that begins so is HEIC or HEIF, the form of phones' photos."""
    return head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1",
                                                   b"msf1")


def _read_heic(name: str) -> None:
    """Let Pillow read HEIC. Raises DataError, saying how to, where that is not installed."""
    try:
        import pillow_heif
    except ImportError:
        raise DataError(f"{name}: a HEIC picture, which needs `pip install 'fashionlab[heic]'`") from None
    pillow_heif.register_heif_opener()


def _scans(picture: JpegImagePlugin.JpegImageFile) -> int:
    """How often the file begins a scan; within a scan's own data the two bytes cannot stand."""
    file = picture.fp
    assert file
    position = file.tell()
    file.seek(0)
    count = file.read().count(b"\xff\xda")
    file.seek(position)
    return count


@contextmanager
def _one_error(name: str) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels(f"{name}: too many pixels, the limit is {MAX_PIXELS:,}") from error
    except Exception as error:  # on damaged files decoders raise almost anything: OSError, SyntaxError, struct.error...
        reason = "no picture that is read" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        raise DataError(f"{name}: unreadable picture ({reason or type(error).__name__})") from error


def is_grey(picture: Image.Image) -> bool:
    """Whether the picture has no colour by its mode; a palette is grey when all its entries are."""
    if picture.mode == "P":
        palette = np.array(picture.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return picture.mode in ("1", "L", "LA", "La", "F") or picture.mode.startswith("I")


def in_bytes(picture: Image.Image) -> tuple[Image.Image, str]:
    """The picture upright by its EXIF orientation and in 8 bits: as L or RGB, or as RGBA where it may be transparent;
    and which of L and RGB it is without its transparency.

    A palette is grey when all its entries are, grey of more than 8 bits is scaled to 8, CMYK becomes RGB.
    Raises ValueError for a picture whose numbers are of no known scale.
    """
    mode = GREY if is_grey(picture) else COLOUR
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode.startswith("I") or picture.mode == "F":
        return from_deep_grey(picture), GREY
    return picture.convert("RGBA" if picture.has_transparency_data else mode), mode


def on_background(picture: Image.Image, colour: str | tuple[int, ...], mode: str) -> Image.Image:
    """An RGBA picture on a plain background, as L or RGB; any other as it is."""
    if picture.mode != "RGBA":
        return picture
    return Image.alpha_composite(Image.new("RGBA", picture.size, colour), picture).convert(mode)


def from_deep_grey(picture: Image.Image) -> Image.Image:
    """A grey picture of more than 8 bits (a mode that starts with I, or F) scaled to 8, by what it holds.

    Files of 16 bits hold 8, 12 or 16: white is the highest number of the fewest of these that suffice. Numbers with a
    point are shares of white up to 1, else of 255.
    """
    values = np.asarray(picture)
    low, high = values.min(), values.max()
    if picture.mode == "F":
        if not 0 <= low <= high <= 255:
            raise ValueError(f"numbers from {low:g} to {high:g}, expected 0 to 1 or 0 to 255")
        white = 1.0 if high <= 1 else 255.0
        return Image.fromarray((values * np.float32(255 / white)).round().astype(np.uint8))
    white = next((limit for limit in (255, 4095) if high <= limit), 65535)
    scaled = np.empty(values.shape, dtype=np.uint8)
    for start in range(0, len(values), _ROWS):  # a few rows at a time: whole pictures of int64 would take gigabytes
        rows = values[start : start + _ROWS].astype(np.int64).clip(0, white)
        scaled[start : start + _ROWS] = (rows * 510 + white) // (2 * white)
    return Image.fromarray(scaled)


def to_image(picture: np.ndarray) -> Image.Image:
    """The picture of a uint8 [C, H, W] array."""
    return Image.fromarray(np.ascontiguousarray(picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)))


def in_threads(work: Callable[[T], object], items: Sequence[T], advance: Callable[[int], None]) -> Iterator:
    """`work` over `items` in threads (PIL decodes without the interpreter's lock), in order; DataErrors are results."""

    def several(chunk: Sequence[T]) -> list[object]:
        return [_caught(work, item) for item in chunk]

    chunks = [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]
    with quiet(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for results in pool.map(several, chunks):
            yield from results
            advance(len(results))


def _caught(work: Callable[[T], object], item: T) -> object:
    try:
        return work(item)
    except DataError as error:
        return error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep PIL's warnings (large pictures, odd EXIF) from the person: what matters is checked here.

    Entered by the thread that starts the others: warning filters belong to the process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
