"""A plain HTTP client, and the calls that every test makes with it."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlencode, urlsplit

TIMEOUT_SECONDS = 60
RAW = {"Content-Type": "application/octet-stream"}
BOUNDARY = "----------------------------a1b2c3d4e5f6a7b8"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        """Return the body, read as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """Return the body, read as UTF-8."""
        return self.body.decode()


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | BinaryIO | Iterable[bytes] | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> Answer:
    """Make one request on a connection of its own; an iterable body without Content-Length goes chunked."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def basic(email: str, password: str) -> dict[str, str]:
    """Return the header of Basic credentials."""
    return {"Authorization": "Basic " + base64.b64encode(f"{email}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    """Return the header of a token."""
    return {"Authorization": f"Bearer {token}"}


def login(url: str, email: str, password: str) -> str:
    """Return a token."""
    answer = call("POST", url, headers=basic(email, password))
    assert answer.status == 200, answer
    return answer.text.strip()


def multipart(*parts: tuple[str, str, bytes]) -> tuple[dict[str, str], bytes]:
    """Return the header and the body of a form with these (field, file name, content) parts."""
    pieces = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + content
        + b"\r\n"
        for field, name, content in parts
    ]
    body = b"".join(pieces) + f"--{BOUNDARY}--\r\n".encode()
    return {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}, body


def upload(url: str, token: str, video: Path, filename: str | None = None, **options: str) -> Answer:
    """Send a video as a raw body, under the file name that is given or its own."""
    query = urlencode({"filename": filename or video.name, **options})
    headers = {**bearer(token), "Content-Type": "video/mp4", "Content-Length": str(video.stat().st_size)}
    with video.open("rb") as content:
        return call("POST", f"{url}?{query}", headers=headers, body=content)


def uploaded(url: str, token: str, video: Path, filename: str | None = None, **options: str) -> str:
    """Send a video that must be accepted, and return its id."""
    answer = upload(url, token, video, filename, **options)
    assert answer.status == 202, answer
    return str(answer.json()["id"])


def download(url: str, token: str, fid: str, *, method: str = "GET", **headers: str) -> Answer:
    """Ask for an MP3; further headers are given with underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(method, f"{url}?{urlencode({'fid': fid})}", headers={**bearer(token), **named})
