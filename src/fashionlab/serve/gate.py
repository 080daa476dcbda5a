"""What every request passes: whom it asked for, its token, the answer's headers, the log and the figures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse
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
    pictures; the page and the probes stay open. paths: those that figures are kept apart for. root_path: what a proxy
    puts before all of them, and may or may not take away again; it is gone before anything looks at a path. origins:
    whose pages may read answers, refusals too; what their browsers ask beforehand needs no token (CORS).
    """

    def __init__(self, app: ASGIApp, predict: ASGIApp, service: Service, hosts: Sequence[str], token: str | None,
                 paths: Sequence[str], root_path: str, origins: Sequence[str]) -> None:
        self.app, self.predict, self.service = app, predict, service
        self.hosts = {host.encode().lower() for host in hosts}
        self.token = None if token is None else Token(token)
        self.paths, self.root_path = set(paths), root_path
        self.answer: ASGIApp = self._answer
        if origins:
            self.answer = CORSMiddleware(self._answer, allow_origins=origins, allow_methods=("GET", "POST"),
                                         allow_headers=("Authorization",), expose_headers=("Retry-After",))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        note: dict[str, Any] = {}
        scope["note"] = note
        scope["path"] = self._own(scope["path"])

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
                if self.service.draining:
                    message["headers"].append(_CLOSE)
            await send(message)

        try:
            if self._asked_for(scope):
                await self.answer(scope, receive, sending)
            else:
                await refuse(scope, sending, Refused(
                    "host", "this service is not known by that name; see `fashionlab serve --help`, --name"))
        finally:
            self._note(scope, status, time.perf_counter() - began, note)

    def _own(self, path: str) -> str:
        """The path as the service knows it; empty for the root path itself."""
        if self.root_path and f"{path}/".startswith(f"{self.root_path}/"):
            return path[len(self.root_path) :]
        return path

    def _asked_for(self, scope: Scope) -> bool:
        """Whether the request names a host that this service is."""
        host = dict(scope["headers"]).get(b"host", b"").lower()
        name = host if host.endswith(b"]") else host.rpartition(b":")[0] or host
        return name in self.hosts

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        path = scope["path"]
        try:
            if not self._open_to(scope):
                await refuse(scope, sending, Refused(
                    "token", "expected the header `Authorization: Bearer TOKEN` with this service's token"))
            elif path == PREDICT and scope["method"] == "POST":
                await self.predict(scope, receive, sending)
            elif not path:  # the page's relative addresses need the / at the end
                await RedirectResponse(f"{self.root_path}/")(scope, receive, sending)
            else:
                await self.app(scope, receive, sending)
        except Exception as error:
            scope["note"]["error"] = f"{type(error).__name__}: {error}"[:500]
            if begun:  # all that is left is to break the answer off
                raise
            await refuse(scope, sending, Refused("internal", "the service failed at this request; its log says why"))

    def _open_to(self, scope: Scope) -> bool:
        """Whether the request needs no token, or brings it."""
        return (self.token is None or not scope["path"].startswith(_GUARDED)
                or self.token.opens(dict(scope["headers"]).get(b"authorization")))

    def _note(self, scope: Scope, status: int, seconds: float, note: dict[str, Any]) -> None:
        path = scope["path"] if scope["path"] in self.paths else "other"
        method = scope["method"] if scope["method"] in ("GET", "POST") else "other"
        self.service.metrics.request(method, path, status, seconds)
        if "reason" in note:
            self.service.metrics.rejected(note["reason"])
        # Status 0: the client had gone.
        log_event("request", method=scope["method"], path=scope["path"][:200], status=status,
                  milliseconds=round(1000 * seconds, 2), client=(scope.get("client") or [None])[0], **note)
