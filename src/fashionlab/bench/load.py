"""A load generator for HTTP: many connections, one thread, little work a request: it is the server that counts."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np

_PATIENCE = 30.0  # seconds for the last answers


@dataclass
class Load:
    """What came of it. seconds: from the first request to the last answer; statuses: answers by status; latencies:
    seconds of each answer, from when its request was due; lost: requests that were sent and got no whole answer;
    refused: connections that were not to be had."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    lost: int = 0
    refused: int = 0

    def figures(self) -> dict[str, Any]:
        """Plain values for JSON; times in milliseconds."""
        times = 1000 * np.array(self.latencies or [0.0])
        return {"seconds": round(self.seconds, 2), "answers": {str(key): n for key, n in sorted(self.statuses.items())},
                "lost": self.lost, "refused_connections": self.refused,
                "a_second": round(self.statuses.total() / max(self.seconds, 1e-9), 1),
                "milliseconds": {"median": round(float(np.median(times)), 2), "max": round(float(times.max()), 2),
                                 **{f"p{share}": round(float(np.percentile(times, share)), 2) for share in (95, 99)}}}


def post(body: bytes, content_type: str, path: str = "/v1/predict", headers: str = "") -> bytes:
    """A whole POST request; further `headers` end in CRLF each."""
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n{headers}\r\n").encode() + body


def form(*files: bytes) -> bytes:
    """A whole request for predictions of these files, as browsers send them."""
    parts = [b'--load\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n'
             b"Content-Type: image/png\r\n\r\n" + file + b"\r\n" for file in files]
    return post(b"".join(parts) + b"--load--\r\n", "multipart/form-data; boundary=load")


def load(address: str, requests: Sequence[bytes], seconds: float, connections: int, rate: float | None = None,
         source: str | None = None) -> Load:
    """Send `requests` in turn to the server at `address` for so long; from the address `source`, if given.

    Without a rate each connection sends its next request when it has its answer: that finds the throughput. With one,
    requests a second, they are due at fixed times whatever the server does, and one that finds no connection idle
    waits, and its waiting counts: that finds the latency (Tene 2013, "coordinated omission"). A server that goes away
    is told by what is lost and refused.
    """
    return asyncio.run(_Generator(address, requests, source).run(seconds, connections, rate))


class _Generator:
    """Hands requests that are due to connections that are idle."""

    def __init__(self, address: str, requests: Sequence[bytes], source: str | None) -> None:
        parts = urlsplit(address)
        self.source = (source, 0) if source else None
        self.where, self.requests = (parts.hostname or "localhost", parts.port or 80), requests
        self.result = Load()
        self.idle: deque[_Connection] = deque()
        self.due: deque[float] = deque()  # of requests that wait for an idle connection
        self.open: set[_Connection] = set()
        self.busy = self.sent = 0
        self.greedy = False  # whether a connection that is idle is given a request at once
        self.ended = False

    async def run(self, seconds: float, connections: int, rate: float | None) -> Load:
        for _ in range(connections):
            await self.connect()
        began = time.perf_counter()
        if rate is None:
            self.greedy = True
            self.hand_out()
            await asyncio.sleep(seconds)
            self.greedy = False
        else:
            for number in range(round(rate * seconds)):
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                self.due.append(due)  # not before: a connection that becomes idle meanwhile would send it too early
                self.hand_out()
        while (self.busy or (self.due and self.idle)) and time.perf_counter() - began < seconds + _PATIENCE:
            await asyncio.sleep(0.005)
        self.result.seconds = time.perf_counter() - began
        self.result.lost += self.busy
        self.ended = True
        while self.open:
            for connection in self.open:
                connection.transport.abort()
            await asyncio.sleep(0.001)
        return self.result

    async def connect(self) -> None:
        """Open a connection, unless nobody needs one any more."""
        if self.ended:
            return
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self), *self.where, local_addr=self.source)
        except OSError:
            self.result.refused += 1

    def hand_out(self) -> None:
        while self.idle and (self.due or self.greedy):
            due = self.due.popleft() if self.due else time.perf_counter()
            self.idle.popleft().send(self.requests[self.sent % len(self.requests)], due)
            self.sent += 1
            self.busy += 1


class _Connection(asyncio.Protocol):
    """Sends one request at a time. `due`: when the one was due that is unanswered; None while there is none."""

    def __init__(self, generator: _Generator) -> None:
        self.generator, self.due, self.received = generator, None, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.generator.open.add(self)
        self.generator.idle.append(self)
        self.generator.hand_out()

    def send(self, request: bytes, due: float) -> None:
        self.due: float | None = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end_of_head, body = self.received.partition(b"\r\n\r\n")
        head = head.lower()
        if not end_of_head or len(body) < int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0):
            return
        self.received = b""
        generator, result = self.generator, self.generator.result
        result.statuses[int(head[9:12])] += 1
        result.latencies.append(time.perf_counter() - (self.due or 0.0))
        self.due = None
        generator.busy -= 1
        if b"connection: close" in head:
            self.transport.close()
        else:
            generator.idle.append(self)
            generator.hand_out()

    def connection_lost(self, exc: Exception | None) -> None:
        """Another takes its place."""
        generator = self.generator
        generator.open.remove(self)
        if generator.ended:
            return
        if self.due is not None:
            generator.result.lost += 1
            generator.busy -= 1
        if self in generator.idle:
            generator.idle.remove(self)
        self.again = asyncio.ensure_future(generator.connect())
