"""A function's log as OpenFaaS's log API sends it: JSON lines that may follow the file for a while."""

import json
import os
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

# As long as OpenFaaS's client says that it follows.
FOLLOW_SECONDS = 30.0
POLL_SECONDS = 0.2
# What is sent when there is nothing new: blank to a JSON decoder, and it fails once the client has left.
PAUSE = "\n"
TRUE = ("1", "t", "T", "TRUE", "true", "True")


@dataclass(frozen=True)
class Asked:
    """What a client asks for; `tail` is a number of lines, or 0 for all."""

    tail: int
    since: datetime | None
    follow: bool

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Asked":
        """Read a query as OpenFaaS's providers do; raise ValueError if it cannot be read."""
        since = datetime.fromisoformat(query["since"]) if query.get("since") else None
        if since and since.tzinfo is None:
            raise ValueError(f"no time zone: {since}")
        tail = min(max(int(query.get("tail") or 0), 0), sys.maxsize)
        return cls(tail, since, query.get("follow") in TRUE)


def messages(file: Path, labels: Mapping[str, str], asked: Asked) -> Iterator[str]:
    """Yield the lines of a log file as messages with these labels."""
    found = _messages(file, labels, asked)
    if asked.tail:
        yield from deque(takewhile(lambda line: line != PAUSE, found), asked.tail)
    yield from found


def _messages(file: Path, labels: Mapping[str, str], asked: Asked) -> Iterator[str]:
    # A line without a time has that of the line before it.
    moment = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    for line in _lines(file, FOLLOW_SECONDS if asked.follow else 0):
        if line == PAUSE:
            yield PAUSE
            continue
        moment = _moment(line) or moment
        if not asked.since or moment >= asked.since:
            yield json.dumps({**labels, "timestamp": moment.isoformat(), "text": line.rstrip("\n")}) + "\n"


def _moment(line: str) -> datetime | None:
    try:
        return datetime.fromisoformat(json.loads(line)["time"]).astimezone(UTC)
    except (ValueError, TypeError, KeyError):
        return None


def _lines(path: Path, seconds: float) -> Iterator[str]:
    """Yield each complete line, and PAUSE at the end of the file until the time is over."""
    deadline = time.monotonic() + seconds
    file = path.open("rb")
    begun = b""
    try:
        while True:
            # Looked up first: a file that is full gets no more lines once it has been renamed.
            replaced = _replaced(path, file)
            for piece in iter(file.readline, b""):
                begun += piece
                if begun.endswith(b"\n"):
                    yield begun.decode(errors="replace")
                    begun = b""
            if replaced:
                file.close()
                file = path.open("rb")
                continue
            yield PAUSE
            if time.monotonic() >= deadline:
                return
            time.sleep(POLL_SECONDS)
    finally:
        file.close()


def _replaced(path: Path, file: BinaryIO) -> bool:
    try:
        return not os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False  # renamed, and the new one is about to be created
