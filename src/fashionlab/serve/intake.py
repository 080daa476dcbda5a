"""Pictures out of a request's body. What it holds is counted and measured before anything is decoded."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import numpy as np
from PIL import Image
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from fashionlab.common.errors import DataError
from fashionlab.deploy.artifact_classifier import ArtifactClassifier
from fashionlab.preparation import files, prepare
from fashionlab.preparation.files import TooManyPixels
from fashionlab.serve.limits import Limits, Refused
from fashionlab.serve.wording import to_schema

_DATA = "data:"  # RFC 2397


@dataclass(frozen=True)
class Sent:
    """A picture as it came: what messages call it, its file's name where it has one, and its file's bytes or its
    pixels, uint8 in the classifier's form."""

    name: str
    file: str | None
    content: bytes | np.ndarray


def read(body: bytes, content_type: str, classifier: ArtifactClassifier, limits: Limits) -> list[Sent]:
    """The pictures in a form, in JSON, or the one that the body is. Raises Refused when there are none, too many, or
    something else."""
    kind, options = parse_options_header(content_type)
    if kind == b"multipart/form-data":
        sent = _multipart(body, options.get(b"boundary", b""), limits)
    elif kind == b"application/json":
        sent = _json(body, classifier, limits)
    elif kind.startswith(b"image/") or kind == b"application/octet-stream":  # whatever is named, the content decides
        sent = [Sent("picture 0", None, body)]
    else:
        raise Refused("content-type", f"cannot read {content_type[:100]!r}: send multipart/form-data with one picture "
                      "or several, application/json, or a picture file alone as image/* or application/octet-stream")
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


def decode(sent: Sequence[Sent], looked: Sequence[Image.Image | np.ndarray],
           classifier: ArtifactClassifier) -> np.ndarray:
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
        file, field = (options.get(key, b"").decode("utf-8", "replace")[:200] for key in (b"filename", b"name"))
        content = b"".join(content)
        name = file or (f"picture {number} (field {field!r})" if field else f"picture {number}")
        sent.append(Sent(name, file or None, content if file else _of_field(content, name)))
    return sent


def _of_field(content: bytes, name: str) -> bytes:
    """What a form's field without a file's name holds: a picture file, or one in a data: address. Raises Refused for
    other text: a parameter must not be dropped, and is no picture."""
    try:
        text = content.decode()
    except UnicodeDecodeError:  # as of every picture file
        return content
    if _is_data_address(text):
        return _from_base64(text, name)
    if text and "\0" not in text:
        raise Refused("unreadable", f"{name}: text, not a picture file; parameters belong in the address, as in "
                      "/v1/predict?top=3, and base64 in JSON or a data: address")
    return content


def _json(body: bytes, classifier: ArtifactClassifier, limits: Limits) -> list[Sent]:
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


def _content(value: Any, name: str, classifier: ArtifactClassifier) -> bytes | np.ndarray:
    """A picture file in base64, or rows of pixels."""
    if isinstance(value, str):
        return _from_base64(value, name)
    side, channels = classifier.image_size, classifier.channels
    if not _are_pixels(value, (side, side) if channels == 1 else (channels, side, side)):
        raise Refused("unreadable", f"{name}: expected a picture file in base64, or whole numbers from 0 to 255 in an "
                      f"array of {to_schema(classifier.preparations.asked).pixels}")
    return np.array(value, dtype=np.uint8)


def _is_data_address(text: str) -> bool:
    return text.lstrip()[: len(_DATA)].lower() == _DATA


def _from_base64(text: str, name: str) -> bytes:
    """The bytes that `text` holds as clients write them: after `data:image/png;base64,` or alone, in either alphabet
    of RFC 4648, with line breaks, with or without padding. Raises Refused for anything else."""
    if _is_data_address(text):
        head, comma, text = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise Refused("unreadable", f"{name}: a data: address that is not in base64; expected "
                          "data:image/png;base64,... or base64 alone")
        text = unquote(text)
    text = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise Refused("unreadable", f"{name}: not base64 ({error})") from error


def _are_pixels(value: Any, shape: tuple[int, ...]) -> bool:
    """Whether `value` is lists of that shape and of whole numbers that a pixel may have; numpy takes anything,
    with one long text among the values very large ones."""
    if type(value) is not list or len(value) != shape[0]:
        return False
    if len(shape) == 1:
        return all(type(pixel) is int and 0 <= pixel <= 255 for pixel in value)
    return all(_are_pixels(row, shape[1:]) for row in value)
