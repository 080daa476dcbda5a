"""What can go wrong, each kind with the exit status the command line ends with."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FashionlabError(Exception):
    """Base of every error that is shown to a person: one or two lines, no traceback. Exit status 1."""

    exit_code = 1


class UsageError(FashionlabError):
    """Wrong use or wrong configuration: an unknown name or key, a value out of range, a name in use. Exit status 2."""

    exit_code = 2


class DataError(FashionlabError):
    """Unusable data, picture or checkpoint. Exit status 3."""

    exit_code = 3


class DivergedError(FashionlabError):
    """The loss became NaN or infinite. Exit status 4."""

    exit_code = 4


class Interrupted(FashionlabError):
    """Stopped by a signal after a resumable checkpoint was written. Exit status 128 + the signal's number."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


def did_you_mean(name: object, valid: Iterable[str]) -> str:
    """The end of an error message: the nearest valid name if one is near, else all of them."""
    options = sorted(valid)
    near = difflib.get_close_matches(str(name), options, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"valid: {', '.join(options) or '(none)'}"


def unknown(kind: str, name: object, valid: Iterable[str]) -> UsageError:
    """An error for an unknown name, e.g. ``unknown("model", "three-cn", MODELS.names())``."""
    return UsageError(f"unknown {kind} {name!r}; {did_you_mean(name, valid)}")
