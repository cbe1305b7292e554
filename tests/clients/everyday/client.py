"""What the tests ask of an everyday HTTP client, and what it got."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import parse_headers
from pathlib import Path
from typing import Any, Protocol

TIMEOUT_SECONDS = 60
PIECE_BYTES = 65_536

FORM, RAW, STREAM = "form", "raw", "stream"  # a stream has no Content-Length


@dataclass(frozen=True)
class Reply:
    """What a client got; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body, read as JSON."""
        return json.loads(self.body)


class Client(Protocol):
    """One client, used as its manual says."""

    ways: tuple[str, ...]

    def login(self, url: str, email: str, password: str) -> Reply:
        """Log in with Basic credentials."""

    def upload(self, way: str, url: str, token: str, video: Path) -> Reply:
        """Send a file under its own name."""

    def get(self, url: str, token: str, **headers: str) -> Reply:
        """Ask for a file; further headers are given with underscores for dashes."""

    def wait(self, url: str, token: str) -> bytes:
        """Return a file once it is there, which may take several requests."""


class Saver(Protocol):
    """A client that names the files it saves."""

    def save(self, url: str, token: str, folder: Path) -> None:
        """Download a file into a folder, under the name that the client takes from the response."""


class Resumer(Saver, Protocol):
    """A client that goes on with a download that was interrupted."""

    def resume(self, url: str, token: str, begun: Path) -> None:
        """Append to a file what is missing of it."""


def fields(token: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a request with a token."""
    return {"Authorization": f"Bearer {token}"} | {name.replace("_", "-"): value for name, value in headers.items()}


def read_head(text: bytes) -> tuple[int, dict[str, str]]:
    """Return the status and the headers of the last response, as a program printed them."""
    last = text[text.rindex(b"HTTP/1.") :]
    line, _, rest = last.partition(b"\n")
    return int(line.split()[1]), {name.lower(): value for name, value in parse_headers(io.BytesIO(rest)).items()}


def polled(ask: Callable[[], Reply]) -> bytes:
    """Return a file once it is there, asking again when the response says so."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (reply := ask()).status == 409:
        assert time.monotonic() < deadline, reply
        time.sleep(int(reply.headers["retry-after"]))
    assert reply.status == 200, reply
    return reply.body
