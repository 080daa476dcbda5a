"""What every request passes: whom it asked for, its token, the answer's headers, the log and the figures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fashionlab.serve.auth import Token
from fashionlab.serve.limits import Refused
from fashionlab.serve.logs import log_event
from fashionlab.serve.predict import refuse
from fashionlab.serve.service import Service

# Pictures that a page shows before it sends them are addresses of kind blob:.
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
_HEADERS = [
    (b"content-security-policy", POLICY.encode()), (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"), (b"cache-control", b"no-cache"),
]
_CLOSE = (b"connection", b"close")
PREDICT = "/v1/predict"
_GUARDED = ("/v1/", "/metrics")


class Gate:
    """`app` behind it, and `predict`, to which POST /v1/predict goes past the ways through a large framework.

    Requests for another host than one of `hosts` are refused, and with a token those without it for whatever tells of
    pictures; the page and the probes stay open. paths: those that figures are kept apart for.
    """

    def __init__(self, app: ASGIApp, predict: ASGIApp, service: Service, hosts: Sequence[str], token: str | None,
                 paths: Sequence[str]) -> None:
        self.app, self.predict, self.service = app, predict, service
        self.hosts = {host.encode().lower() for host in hosts}
        self.token = None if token is None else Token(token)
        self.paths = set(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        note: dict[str, Any] = {}
        scope["note"] = note

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
                if self.service.draining:
                    message["headers"].append(_CLOSE)
            await send(message)

        try:
            refused = self._refused(scope)
            if refused:
                await refuse(scope, sending, refused)
            elif scope["path"] == PREDICT and scope["method"] == "POST":
                await self.predict(scope, receive, sending)
            else:
                await self.app(scope, receive, sending)
        except Exception as error:
            note["error"] = f"{type(error).__name__}: {error}"[:500]
            if status:  # the answer has begun: all that is left is to break it off
                raise
            await refuse(scope, sending, Refused("internal", "the service failed at this request; its log says why"))
        finally:
            self._note(scope, status, time.perf_counter() - began, note)

    def _refused(self, scope: Scope) -> Refused | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").lower()
        name = host if host.endswith(b"]") else host.rpartition(b":")[0] or host
        if name not in self.hosts:
            return Refused("host", "this service is not known by that name; see `fashionlab serve --help`, --name")
        if (self.token and scope["path"].startswith(_GUARDED)
                and not self.token.opens(headers.get(b"authorization"))):
            return Refused("token", "expected the header `Authorization: Bearer TOKEN` with this service's token")
        return None

    def _note(self, scope: Scope, status: int, seconds: float, note: dict[str, Any]) -> None:
        path = scope["path"] if scope["path"] in self.paths else "other"
        method = scope["method"] if scope["method"] in ("GET", "POST") else "other"
        self.service.metrics.request(method, path, status, seconds)
        if "reason" in note:
            self.service.metrics.rejected(note["reason"])
        # Status 0: the client had gone.
        log_event("request", method=scope["method"], path=scope["path"][:200], status=status,
                  milliseconds=round(1000 * seconds, 2), client=(scope.get("client") or [None])[0], **note)
