"""Pictures out of a request's body. What it holds is counted and measured before anything is decoded."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from fashionlab.common.errors import DataError
from fashionlab.deploy.classifier import Classifier
from fashionlab.preparation import files, prepare
from fashionlab.preparation.files import TooManyPixels
from fashionlab.serve.limits import Limits, Refused


@dataclass(frozen=True)
class Sent:
    """A picture as it came: what messages call it, its file's name where it has one, and its file's bytes or its
    pixels, uint8 in the classifier's form."""

    name: str
    file: str | None
    content: bytes | np.ndarray


def read(body: bytes, content_type: str, classifier: Classifier, limits: Limits) -> list[Sent]:
    """The pictures in a multipart or JSON body. Raises Refused when there are none, too many, or something else."""
    kind, options = parse_options_header(content_type)
    if kind == b"multipart/form-data":
        sent = _multipart(body, options.get(b"boundary", b""), limits)
    elif kind == b"application/json":
        sent = _json(body, classifier, limits)
    else:
        raise Refused("content-type", f"cannot read {content_type[:100]!r}: send multipart/form-data with one picture "
                      "or several, or application/json")
    if not sent:
        raise Refused("no-picture", "there is no picture in this request")
    return sent


def look(sent: Sequence[Sent], limits: Limits) -> tuple[int, list[Image.Image | np.ndarray]]:
    """How many pixels all files have by their headers, and the files as open pictures; nothing is decoded. Raises
    Refused for what is no picture, and for too many pixels."""
    total, looked = 0, []
    for given in sent:
        if not isinstance(given.content, np.ndarray):
            picture = _header(given.content, given.name)
            total += picture.width * picture.height
            if total > limits.pixels:
                raise Refused("too-many-pixels", f"{given.name}: with this one there are {total:,} pixels in the "
                              f"request, the limit is {limits.pixels:,}")
            looked.append(picture)
        else:
            looked.append(given.content)
    return total, looked


def _header(content: bytes, name: str) -> Image.Image:
    if not content:
        raise Refused("unreadable", f"{name}: empty (0 bytes)")
    try:
        return files.look(content, name)
    except TooManyPixels as error:
        raise Refused("too-many-pixels", str(error)) from error
    except DataError as error:
        raise Refused("unreadable", str(error)) from error


def decode(sent: Sequence[Sent], looked: Sequence[Image.Image | np.ndarray], classifier: Classifier) -> np.ndarray:
    """uint8 [N, C, H, W] in the classifier's form, of what `look` gave. Raises Refused for a picture that cannot be
    used."""
    size, channels = classifier.image_size, classifier.channels
    pictures = np.empty((len(sent), channels, size, size), dtype=np.uint8)
    for row, (given, picture) in enumerate(zip(sent, looked, strict=True)):
        try:
            pictures[row] = (picture if isinstance(picture, np.ndarray)
                             else prepare(picture, given.name, classifier.preparations.asked))
        except DataError as error:
            raise Refused("unreadable", str(error)) from error
    return pictures


class _Parts:
    """What the parser finds: [disposition, content] of each part. Parts beyond `most` are refused as they begin."""

    def __init__(self, most: int) -> None:
        self.most, self.parts, self.done = most, [], False
        self._name, self._value = b"", b""

    def begin(self) -> None:
        if len(self.parts) == self.most:
            raise Refused("too-many-pictures", f"more than {self.most} pictures in one request")
        self.parts.append([b"", []])

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self.parts[-1][0] = self._value
        self._name, self._value = b"", b""

    def data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1][1].append(data[start:end])

    def end(self) -> None:
        self.done = True


def _multipart(body: bytes, boundary: bytes, limits: Limits) -> list[Sent]:
    form = _Parts(limits.pictures)
    try:
        parser = MultipartParser(boundary, {
            "on_part_begin": form.begin, "on_header_field": form.header_field, "on_header_value": form.header_value,
            "on_header_end": form.header_end, "on_part_data": form.data, "on_end": form.end})
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise Refused("malformed", f"not multipart/form-data as its header says ({error})") from error
    if not form.done:
        raise Refused("malformed", "the multipart/form-data ends before its last boundary")
    sent = []
    for number, (disposition, content) in enumerate(form.parts):
        _, options = parse_options_header(disposition)
        file = options.get(b"filename", b"").decode("utf-8", "replace")[:200]
        sent.append(Sent(file or f"picture {number}", file or None, b"".join(content)))
    return sent


def _json(body: bytes, classifier: Classifier, limits: Limits) -> list[Sent]:
    # Counted before it is parsed: 16 MiB of brackets would become gigabytes of lists.
    values = limits.pictures * (classifier.channels * classifier.image_size**2 + 1) + 1
    if body.count(b",") + body.count(b"[") + body.count(b"{") > 2 * values:
        raise Refused("too-many-pictures", f"more than {limits.pictures} pictures in one request, or more in it than "
                      "pictures")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused("malformed", f"not JSON as its header says ({str(error)[:200]})") from error
    pictures = value.get("pictures") if isinstance(value, dict) else None
    if not isinstance(pictures, list) or len(value) > 1:
        raise Refused("malformed", 'expected an object {"pictures": [...]} and nothing else in it')
    if len(pictures) > limits.pictures:
        raise Refused("too-many-pictures", f"{len(pictures)} pictures in one request, the limit is {limits.pictures}")
    return [Sent(f"picture {number}", None, _content(picture, f"picture {number}", classifier))
            for number, picture in enumerate(pictures)]


def _content(value: Any, name: str, classifier: Classifier) -> bytes | np.ndarray:
    """A picture file in base64, or rows of pixels."""
    if isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Refused("unreadable", f"{name}: not base64 ({error})") from error
    side, channels = classifier.image_size, classifier.channels
    shape = (side, side) if channels == 1 else (channels, side, side)
    if not _are_pixels(value, shape):
        raise Refused("unreadable", f"{name}: expected a picture file in base64, or whole numbers from 0 to 255 in an "
                      f"array of {' x '.join(map(str, shape))}, light on black")
    return np.array(value, dtype=np.uint8)


def _are_pixels(value: Any, shape: tuple[int, ...]) -> bool:
    """Whether `value` is lists of that shape and of whole numbers that a pixel may have; numpy takes anything,
    with one long text among the values very large ones."""
    if type(value) is not list or len(value) != shape[0]:
        return False
    if len(shape) == 1:
        return all(type(pixel) is int and 0 <= pixel <= 255 for pixel in value)
    return all(_are_pixels(row, shape[1:]) for row in value)
