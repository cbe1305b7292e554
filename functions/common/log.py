"""Logging: one JSON object per line on standard error, with the ids of the request and its trace."""

from __future__ import annotations

import json
import logging
import sys
import time
from contextvars import ContextVar

from functions.common import trace

request_id: ContextVar[str] = ContextVar("request_id", default="")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Format a record as a line of JSON; `extra` becomes fields."""

    def __init__(self, function: str) -> None:
        super().__init__()
        self.function = function

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "function": self.function,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            line["request_id"] = current
        line.update(trace.fields(trace.current()))
        line.update({key: value for key, value in vars(record).items() if key not in _STANDARD})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def setup(function: str, level: str = "INFO") -> None:
    """Send all log records to standard error as JSON lines with the function's name."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(function))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    # pika logs every step of a connection at INFO, and at ERROR failures that the functions log themselves.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
