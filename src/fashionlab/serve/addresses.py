"""Addresses that others give the service: its path behind a proxy, and the origins whose pages may ask it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.routing import BaseRoute, Mount, Route

from fashionlab.common.errors import UsageError

_ROOT_PATH = re.compile(r"(/(?!\.\.?(/|$))[A-Za-z0-9._~-]+)+")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
_USUAL_PORT = re.compile(r"http:.*:80|https:.*:443")


def check_root_path(root_path: str, routes: Sequence[BaseRoute]) -> None:
    """Raise UsageError for what is no path, and for one that `routes` have too: a proxy may take it away or leave it,
    and it must be plain which of both it did."""
    if not _ROOT_PATH.fullmatch(root_path):
        raise UsageError(f"--root-path {root_path!r}: expected a path such as /shop/model, with a / at its beginning "
                         "and none at its end; between them letters, digits and any of - . _ ~")
    for route in routes:
        if not isinstance(route, Mount | Route):
            continue
        below = isinstance(route, Mount) and root_path.startswith(f"{route.path}/")
        if below or f"{route.path}/".startswith(f"{root_path}/"):
            raise UsageError(f"--root-path {root_path}: the service has {route.path} for itself; choose another "
                             "path at the proxy")


def check_origins(origins: Sequence[str]) -> None:
    """Raise UsageError for what no browser sends as an Origin (RFC 6454, section 6.2)."""
    for origin in origins:
        if origin != "*" and (not _ORIGIN.fullmatch(origin) or _USUAL_PORT.fullmatch(origin)):
            raise UsageError(f"--cors {origin!r}: expected an origin as browsers send it, such as https://shop.example "
                             "or http://localhost:3000 (small letters, no path, no / at its end, no usual port), "
                             "or * for all")
