"""Picture files opened safely, whatever their names: limits checked before decoding, every failure one DataError."""

from __future__ import annotations

import contextlib
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
from fashionlab.preparation.recognise import form_not_read, head, is_heic

GREY, COLOUR = "L", "RGB"  # modes of PIL
MAX_BYTES = 64 << 20
MAX_PIXELS = 50_000_000
MAX_SCANS = 32  # of a progressive JPEG: encoders make about ten, each is decoded over all pixels
MAX_SLOW_PIXELS = 8_000_000  # of forms that PIL decodes in Python, a millionth of a second each
_USUAL = ("PNG", "JPEG", "WEBP")
# Of what Pillow reads, whatever it decodes by itself and knows by its first bytes: no EPS, which runs another program,
# no form that is only named (WMF, GRIB, HDF5), no film, no XBM, of which it swaps black and white.
_OTHERS = ("AVIF", "BMP", "CUR", "DDS", "DIB", "GIF", "ICO", "JPEG2000", "PCX", "PPM", "PSD", "QOI", "SGI", "SUN",
           "TIFF", "XPM")
_TGA_SUFFIXES = (".tga", ".icb", ".vda", ".vst")
_TGA_END = b"TRUEVISION-XFILE.\0"
_ICON = b"\0\0\1\0"
_STILLS = ("MPO", "PSD", "HEIF")  # a camera's second view, layers, a phone's depth: the first picture is the picture
_PREVIEW = 1  # bit of the TIFF tag NewSubfileType
_NEW_SUBFILE_TYPE, _DNG_VERSION = 254, 50706
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
        if picture is source:  # a program may have opened it by other means than `look`
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

    with contextlib.suppress(Image.UnidentifiedImageError):
        return Image.open(stream(), formats=_USUAL)
    start = head(source)
    if reason := form_not_read(source.name if isinstance(source, Path) else name, start):
        raise DataError(f"{name}: unreadable picture ({reason})")
    if is_heic(start):
        _read_heic(name)
        try:
            return Image.open(stream(), formats=("HEIF",))
        except Image.UnidentifiedImageError as error:
            raise DataError(f"{name}: unreadable picture (a damaged HEIC picture)") from error
    if start.startswith(_ICON):
        _check_icons(source if isinstance(source, bytes) else source.read_bytes(), name)
    Image.init()  # loads the other plug-ins, once
    if _is_tga(source, name):
        return Image.open(stream(), formats=("TGA",))
    return Image.open(stream(), formats=[one for one in _OTHERS if one in Image.OPEN])


def _is_tga(source: Path | bytes, name: str) -> bool:
    """By its end, which the older ones lack, else by its name: many files would pass for one by how they begin."""
    if (source.name if isinstance(source, Path) else name).lower().endswith(_TGA_SUFFIXES):
        return True
    if isinstance(source, bytes):
        return source.endswith(_TGA_END)
    with source.open("rb") as stream:
        stream.seek(-min(len(_TGA_END), source.stat().st_size), io.SEEK_END)
        return stream.read() == _TGA_END


def _check_header(picture: Image.Image, name: str) -> None:
    width, height = picture.size
    _check_pixels(width, height, name)
    if width * height > MAX_SLOW_PIXELS and any(tile[0] in Image.DECODERS for tile in getattr(picture, "tile", ())):
        raise TooManyPixels(f"{name}: {width} x {height} pixels of a form that is decoded slowly, where the limit is "
                            f"{MAX_SLOW_PIXELS:,}")
    if isinstance(picture, JpegImagePlugin.JpegImageFile) and _scans(picture) > MAX_SCANS:
        raise DataError(f"{name}: a JPEG of more than {MAX_SCANS} scans, which would take too long to decode")
    tags = getattr(picture, "tag_v2", {})
    if tags.get(_NEW_SUBFILE_TYPE, 0) & _PREVIEW or _DNG_VERSION in tags:
        raise DataError(f"{name}: unreadable picture (a raw photo or another file that begins with a preview, expected "
                        "a developed one, such as a JPEG)")
    _check_frames(picture, name)


def _check_frames(picture: Image.Image, name: str) -> None:
    # Frames are not counted: that would take long for what holds millions.
    if picture.format not in _STILLS and getattr(picture, "is_animated", False):
        what = "a file of several pages" if picture.format == "TIFF" else "an animation"
        raise DataError(f"{name}: {what}, expected one picture")


def _check_pixels(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise TooManyPixels(f"{name}: {width} x {height} pixels, the limit is {MAX_PIXELS:,}")


def _check_icons(content: bytes, name: str) -> None:
    """The pictures in an icon by their own headers: PIL goes by the icon's, and decodes when it opens the file."""
    for entry in range(int.from_bytes(content[4:6], "little")):
        offset = int.from_bytes(content[18 + 16 * entry : 22 + 16 * entry], "little")
        header = content[offset : offset + 24]
        if header.startswith(b"\x89PNG"):
            _check_pixels(int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big"), name)
        else:  # the rows of the picture and of its mask
            _check_pixels(int.from_bytes(header[4:8], "little"), int.from_bytes(header[8:12], "little") // 2, name)


def _read_heic(name: str) -> None:
    """Let Pillow read HEIC. Raises DataError, saying how to, where that is not installed."""
    try:
        import pillow_heif
    except ImportError:
        raise DataError(f"{name}: a HEIC picture, which needs the extra heic: pip install pillow-heif") from None
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
        unknown = isinstance(error, Image.UnidentifiedImageError)
        reason = "no picture that is read" if unknown else " ".join(str(error).split())
        raise DataError(f"{name}: unreadable picture ({reason or type(error).__name__})") from error


def is_grey(picture: Image.Image) -> bool:
    """Whether the picture has no colour by its mode; a palette is grey when all its entries are."""
    if picture.mode in ("P", "PA"):
        palette = np.array(picture.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return picture.mode in ("1", "L", "LA", "La", "F") or picture.mode.startswith("I")


def to_eight_bits(picture: Image.Image) -> tuple[Image.Image, str]:
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
    real = picture.mode == "F"
    if not 0 <= low <= high <= (255 if real else 65535):
        raise ValueError(f"numbers from {low:g} to {high:g}, expected {'0 to 1 or 0 to 255' if real else '0 to 65535'}")
    if real:
        return Image.fromarray((values * np.float32(255 / (1 if high <= 1 else 255))).round().astype(np.uint8))
    white = next((limit for limit in (255, 4095) if high <= limit), 65535)
    scaled = np.empty(values.shape, dtype=np.uint8)
    for start in range(0, len(values), _ROWS):  # a few rows at a time: whole pictures of int64 would take gigabytes
        rows = values[start : start + _ROWS].astype(np.int64)
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
