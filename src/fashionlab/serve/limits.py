"""How much the service takes at once, and what it says when that is too much."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from fashionlab.preparation.files import MAX_PIXELS

# Why a request is refused, and the status that says so. The names are labels of a metric: a fixed few.
REASONS = {
    "host": 400, "malformed": 400, "token": 401, "not-found": 404, "method": 405, "body-too-slow": 408,
    "body-too-large": 413, "too-many-pixels": 413, "content-type": 415, "parameter": 422, "too-many-pictures": 422,
    "no-picture": 422, "unreadable": 422, "internal": 500, "overloaded": 503, "too-late": 503,
}
RETRY_AFTER = 1  # seconds; a full queue of small pictures is answered in less


class Refused(Exception):
    """A request that is not answered: `reason` is one of REASONS, the message is for the one who asked."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.status = reason, REASONS[reason]


@dataclass(frozen=True)
class Limits:
    """Of one request: body (bytes), pictures, pixels (of all its pictures, as their headers say, before decoding).

    Of all requests at once: batch, pictures in one call of the network; queue, pictures that wait for an answer;
    held, bytes of bodies in memory; connections, of all clients and of one address. In seconds: head, for a request's
    first lines; body, for the rest; answer, from then on; drain, for which a service that was told to end still
    listens.
    """

    body: int = 16 << 20
    pictures: int = 64
    pixels: int = MAX_PIXELS
    batch: int = 64
    queue: int = 512
    held: int = 256 << 20
    connections: int = 16_000
    client_connections: int = 256
    head_seconds: float = 10.0
    body_seconds: float = 20.0
    answer_seconds: float = 10.0
    drain_seconds: float = 1.0


@dataclass
class Budget:
    """Something of which at most `most` may be held at once, such as pictures that wait. For one thread."""

    most: int
    what: str
    held: int = field(default=0, init=False)

    def take(self, amount: int, share: float = 1.0) -> None:
        """Raises Refused where that is more than there is, of `share` of all."""
        if self.held + amount > share * self.most:
            raise Refused("overloaded", f"too many {self.what} at the moment; try again in a second")
        self.held += amount

    def give(self, amount: int) -> None:
        self.held -= amount

    @contextlib.contextmanager
    def taken(self, amount: int) -> Iterator[None]:
        """`amount` of it while the block runs."""
        self.take(amount)
        try:
            yield
        finally:
            self.give(amount)
