"""Where a local server listens, and by which names it may be asked."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import psutil

from fashionlab.common.errors import UsageError

LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]")


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[tuple[socket.socket, str]]:
    """A socket that listens there, and the address of what it serves; closed when the block ends. Port 0 picks a free
    one. Raises UsageError when the address or the port cannot be had."""
    if not host:
        raise UsageError("--host is empty; expected an address, such as 127.0.0.1, or 0.0.0.0 for all of them")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"cannot listen on {host} port {port} ({reason}); choose another --port, "
                             "or --port 0 for a free one") from error
        name = f"[{host}]" if family == socket.AF_INET6 else host
        yield listener, f"http://{name}:{listener.getsockname()[1]}/"


def host_names(host: str) -> list[str]:
    """The names by which a server that listens on `host` may be asked for. Requests for other names are refused: a
    foreign web page could otherwise give its own name this machine's address and read everything (DNS rebinding)."""
    names = [*LOOPBACK, host, f"[{host}]"]
    if host in ("0.0.0.0", "::"):  # every address of this machine
        names += [socket.gethostname()]
        own = [one for addresses in psutil.net_if_addrs().values() for one in addresses]
        names += [one.address for one in own if one.family == socket.AF_INET]
        names += [f"[{one.address.partition('%')[0]}]" for one in own if one.family == socket.AF_INET6]
    return names
