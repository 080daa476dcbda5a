"""The log: one JSON object a line on stderr. It holds no picture and no file's name, which may name a person."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

LOG = logging.getLogger("fashionlab.serve")


class JsonLines(logging.Formatter):
    """time, level, event, and what `extra={"told": {...}}` adds."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": moment, "level": record.levelname.lower(), "event": record.getMessage(),
                                **getattr(record, "told", {})}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def tell(event: str, level: int = logging.INFO, **told: Any) -> None:
    LOG.log(level, event, extra={"told": told})


def start() -> None:
    """Send the service's log and uvicorn's to stderr. Raises nothing when a reader of stderr goes away."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.raiseExceptions = False
    for name, level in (("fashionlab.serve", logging.INFO), ("uvicorn.error", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
