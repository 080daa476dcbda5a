"""The optional bearer token (RFC 6750)."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from fashionlab.common.errors import UsageError

VARIABLE = "FASHIONLAB_TOKEN"


def read_token(file: Path | None) -> str | None:
    """The token in `file`, else in the environment, else None. It is never an argument: other users see those.

    Raises UsageError for a file that cannot be read, and for a token that is empty or no plain ASCII without spaces.
    """
    if file is not None:
        try:
            token, where = file.read_text(encoding="ascii").strip(), str(file)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not ASCII"
            raise UsageError(f"--token-file {file}: cannot be read ({reason})") from error
    elif VARIABLE in os.environ:
        token, where = os.environ[VARIABLE], VARIABLE
    else:
        return None
    if not token or not token.isascii() or any(character.isspace() for character in token):
        raise UsageError(f"{where}: expected a token of ASCII characters without spaces; "
                         "`openssl rand -hex 32` makes a good one")
    return token


class Token:
    """Compares in a time that says nothing of how much was right."""

    def __init__(self, token: str) -> None:
        self._digest = hashlib.sha256(token.encode()).digest()

    def opens(self, authorization: bytes | None) -> bool:
        """Whether a request's Authorization header holds it."""
        scheme, _, token = (authorization or b"").partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(hashlib.sha256(token.strip()).digest(), self._digest)
