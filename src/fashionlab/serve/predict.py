"""POST /v1/predict. Plain ASGI: FastAPI's own way takes as long as all the rest together for a small picture."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from fashionlab.deploy.prediction import answer_of
from fashionlab.serve.limits import RETRY_AFTER, Refused
from fashionlab.serve.service import SMALL_BODY, Service

TOP = 3
LARGE_BODIES = 0.75  # of the memory for bodies: the rest is for small ones, which large ones must not lock out


class Gone(Exception):
    """The client has left before its request was whole."""


class Predict:
    """The address as an ASGI application."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            content = await self._answer(scope, receive)
        except Gone:
            return
        except Refused as refused:
            await refuse(scope, send, refused)
            return
        await reply(send, 200, content)

    async def _answer(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        service, headers = self.service, dict(scope["headers"])
        top, seen = _parameters(scope["query_string"])
        body = bytearray()
        try:
            await self._read(body, headers, receive)
            scope["note"]["bytes"] = len(body)
            content_type = headers.get(b"content-type", b"").decode("latin-1")
            model, sent, pictures, answers = await service.answer(bytes(body), content_type)
        finally:
            service.bodies.give(len(body))
        scope["note"]["pictures"] = len(sent)
        classes = model.classifier.classes
        predictions = [{"file": given.file, "index": row, **answer_of(classes, answers, row, top)}
                       for row, given in enumerate(sent)]
        if seen:
            for prediction, picture in zip(predictions, pictures, strict=True):
                prediction["seen"] = (picture[0] if len(picture) == 1 else picture).tolist()
        return {"model": model.classifier.artifact.description.name, "predictions": predictions}

    async def _read(self, body: bytearray, headers: dict[bytes, bytes], receive: Receive) -> None:
        """The whole body into `body`, of which every byte is taken from the budget. Raises Refused, and Gone."""
        limits, length = self.service.limits, headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 18:
            raise Refused("malformed", "Content-Length is no number")
        self._check(int(length))
        try:
            async with asyncio.timeout(limits.body_seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    chunk, more = message.get("body", b""), message.get("more_body", False)
                    self._check(len(body) + len(chunk))
                    small = max(int(length), len(body) + len(chunk)) <= SMALL_BODY
                    self.service.bodies.take(len(chunk), 1.0 if small else LARGE_BODIES)
                    body += chunk
        except TimeoutError:
            raise Refused("body-too-slow", f"the body was not here within {limits.body_seconds:g} s") from None

    def _check(self, size: int) -> None:
        if size > self.service.limits.body:
            raise Refused("body-too-large", f"the limit of a request's body is {self.service.limits.body:,} bytes")


def _parameters(query: bytes) -> tuple[int, bool]:
    """top and seen. A class more than there are is no mistake: all are listed."""
    if not query:
        return TOP, False
    try:
        given = parse_qs(query.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=8)
    except ValueError as error:
        raise Refused("parameter", f"the address cannot be read ({error})") from error
    unknown = given.keys() - {"top", "seen"}
    if unknown:
        raise Refused("parameter", f"unknown parameter {min(unknown)[:50]!r}; valid: seen, top")
    top, seen = given.get("top", [str(TOP)])[-1], given.get("seen", ["false"])[-1]
    if not top.isascii() or not top.isdigit() or not 1 <= int(top[:9]) <= 1000:
        raise Refused("parameter", f"top={top[:50]!r}: expected a whole number from 1 to 1000")
    if seen not in ("true", "false"):
        raise Refused("parameter", f"seen={seen[:50]!r}: expected true or false")
    return int(top), seen == "true"


async def refuse(scope: Scope, send: Send, refused: Refused) -> None:
    """Answer that a request is refused, and note why."""
    scope["note"]["reason"] = refused.reason
    headers = []
    if refused.status == 503:
        headers.append((b"retry-after", str(RETRY_AFTER).encode()))
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await reply(send, refused.status, {"reason": refused.reason, "message": str(refused)}, headers)


async def reply(send: Send, status: int, content: dict[str, Any], headers: list[tuple[bytes, bytes]] | None = None
                ) -> None:
    body = json.dumps(content, allow_nan=False).encode()
    await send({"type": "http.response.start", "status": status, "headers": [
        (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *(headers or [])]})
    await send({"type": "http.response.body", "body": body})
