"""One connection: closed when it says nothing, told to come again when there are too many."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fashionlab.serve.limits import RETRY_AFTER, Limits

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as Protocol
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as Protocol  # httptools' where it is installed

_FULL = (f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: {RETRY_AFTER}\r\nConnection: close\r\n"
         "Content-Length: 0\r\n\r\n").encode()
_PATIENCE = 5.0  # seconds in which a client that is one too many can begin to ask
_FAREWELL = 0.5  # seconds for what it still sends; closing before that would reset the answer away


class Crowd:
    """How many connections each client has, by its address, and what to call for one too many."""

    def __init__(self, limits: Limits, refused: Callable[[str], None]) -> None:
        self.limits, self.refused = limits, refused
        self.of: Counter[str] = Counter()

    def enter(self, client: str) -> bool:
        """Whether it may have another one."""
        self.of[client] += 1
        return self.of[client] <= self.limits.client_connections

    def leave(self, client: str) -> None:
        self.of[client] -= 1
        if not self.of[client]:
            del self.of[client]


class Connection(Protocol):
    """uvicorn's, closed after `limits.head_seconds` without a request.

    Beyond `limits.client_connections` of one address its first bytes are answered with 503 and nothing is parsed, so
    that one client's thousands cost the others little; beyond `limits.connections` of all it is closed at once.
    """

    def __init__(self, *words: Any, crowd: Crowd, **named: Any) -> None:
        super().__init__(*words, **named)
        self.crowd, self.limits = crowd, crowd.limits
        self.welcome, self.refused = True, False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self.welcome = self.crowd.enter(self.address)
        self._next_look = (self.loop.call_later(self.limits.head_seconds, self._look, None) if self.welcome
                           else self.loop.call_later(_PATIENCE, transport.close))
        if len(self.connections) > self.limits.connections:
            self.welcome = False
            self._refuse()
            transport.close()

    def data_received(self, data: bytes) -> None:
        if self.welcome:
            super().data_received(data)
        elif not self.refused:  # what else comes is read and dropped
            self._refuse()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.crowd.leave(self.address)
        self._next_look.cancel()

    def _refuse(self) -> None:
        self.refused = True
        self.transport.write(_FULL)
        self._next_look.cancel()
        self._next_look = self.loop.call_later(_FAREWELL, self.transport.close)
        self.crowd.refused("overloaded")

    def _look(self, before: object) -> None:
        """Close it where no request has begun since the last look, at which `before` was the latest one."""
        if self.cycle is before and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()
        else:
            self._next_look = self.loop.call_later(self.limits.head_seconds, self._look, self.cycle)
