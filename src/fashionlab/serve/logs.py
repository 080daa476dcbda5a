"""The log: one JSON object a line on stderr. It holds no picture and no file's name, which may name a person."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any


def log_event(event: str, level: str = "info", **fields: Any) -> None:
    """Write a line. logging's own way would take a tenth of a small request's time. A reader that has gone away is no
    reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(_line(time.time(), level, event, fields))
        sys.stderr.flush()


def _line(seconds: float, level: str, event: str, fields: dict[str, Any]) -> str:
    moment = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": moment, "level": level, "event": event, **fields}) + "\n"


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {"traceback": self.formatException(record.exc_info)} if record.exc_info else {}
        return _line(record.created, record.levelname.lower(), record.getMessage(), fields)


def start() -> None:
    """Have the warnings and errors of others in the same form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.terminator = ""
    handler.setFormatter(_JsonLines())
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    for name in ("uvicorn.error", "asyncio", "py.warnings"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING)
