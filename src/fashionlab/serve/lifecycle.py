"""From listening to the last answer: signals, and an end that loses no request."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn

try:
    import resource
except ImportError:  # Windows, where a process may open as many files as it likes
    resource = None

from fashionlab.common.listening import host_names, listening
from fashionlab.serve import logs
from fashionlab.serve.app import build_app
from fashionlab.serve.connection import Connection, Crowd
from fashionlab.serve.service import Service

_SPARE_FILES = 64  # descriptors for all but connections
_LAST_ANSWERS = 30  # seconds that requests have to end when the service ends


class Server(uvicorn.Server):
    """uvicorn's, with an artifact that is read again on SIGHUP and an end in three steps."""

    def __init__(self, config: uvicorn.Config, service: Service, listener: socket.socket,
                 started: Callable[[], None]) -> None:
        super().__init__(config)
        self.service, self._announce_started = service, started
        self._listener = listener.dup()
        self._listener.setblocking(False)

    async def startup(self, sockets: Sequence[Any] | None = None) -> None:
        await super().startup(sockets)  # type: ignore[arg-type]
        if hasattr(signal, "SIGHUP"):  # not on Windows
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.service.reload_soon)
        self._announce_started()  # not before: until then a SIGHUP ends the process

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.service.draining = True
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: Sequence[Any] | None = None) -> None:
        """Still listen for a while, not ready (SIGTERM: a balancer needs that time; a person at the keyboard does
        not); listen no more and let open connections send what is on its way, each answer closing its own; end."""
        seconds = self.service.limits.drain_seconds
        logs.log_event("ending", waiting=self.service.waiting.held, connections=len(self.server_state.connections))
        if signal.SIGINT not in self._captured_signals:
            await asyncio.sleep(seconds)
        for server in self.servers:
            server.close()
        await self._accept_the_last()
        last = time.monotonic() + seconds
        while self.server_state.connections and time.monotonic() < last and not self.force_exit:
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)  # type: ignore[arg-type]

    async def _accept_the_last(self) -> None:
        """Take the connections that the system has accepted for us and we have not: closing their listener would break
        them, with the requests that they bring."""
        accepted: list[socket.socket] = []
        with contextlib.suppress(OSError):  # BlockingIOError: there are no more
            while True:
                accepted.append(self._listener.accept()[0])
        self._listener.close()
        loop, state, make = asyncio.get_running_loop(), self.lifespan.state, cast(Any, self.config.http_protocol_class)
        for connection in accepted:
            connection.setblocking(False)
            await loop.connect_accepted_socket(lambda: make(
                config=self.config, server_state=self.server_state, app_state=state), connection)


def serve(service: Service, host: str, port: int, names: Sequence[str], announce: Callable[[str], None],
          token: str | None = None, root_path: str | None = None, origins: Sequence[str] = ()) -> None:
    """Serve until a signal; `announce` is called with the address once it can be opened. Port 0 picks a free one.

    names: by which the service may be asked besides those of `host`. token, root_path, origins: as `build_app` takes
    them. Raises UsageError when the address or the port cannot be had, and what `build_app` raises.
    """
    logs.start()
    limits = replace(service.limits, connections=_most_connections(service.limits.connections))
    crowd = Crowd(limits, service.metrics.rejected)
    with listening(host, port) as (listener, address):
        app = build_app(service, [*host_names(host), *names], token, root_path, origins)
        config = uvicorn.Config(
            app, http=partial(Connection, crowd=crowd), ws="none", lifespan="on",  # type: ignore[arg-type]
            log_config=None, access_log=False, server_header=False, timeout_keep_alive=10,
            timeout_graceful_shutdown=_LAST_ANSWERS, backlog=4096)

        def started() -> None:
            announce(address)
            logs.log_event("serving", address=address, artifact=service.source, sha256=service.model.sha256,
                           connections=limits.connections, token=token is not None)

        Server(config, service, listener, started).run(sockets=[listener])


def _most_connections(wanted: int) -> int:
    """As many as wanted, if the system lets us have a file descriptor for each."""
    if resource is None:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else min(wanted, soft - _SPARE_FILES)
