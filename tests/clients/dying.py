"""Clients on plain sockets: some die during an upload, some read while they send."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from tests.clients.web import bearer, multipart

TIMEOUT_SECONDS = 30
PIECE = 65_536
SHARE = 0.6

Body = tuple[dict[str, str], bytes]


def raw_body(content: bytes, filename: str) -> Body:
    """Announce the whole video by its length."""
    return {"Content-Length": str(len(content)), "Content-Type": "video/mp4"}, content


def chunked_body(content: bytes, filename: str) -> Body:
    """Send the video in chunks, without a length."""
    pieces = [content[start : start + PIECE] for start in range(0, len(content), PIECE)]
    framed = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces)
    return {"Transfer-Encoding": "chunked", "Content-Type": "video/mp4"}, framed + b"0\r\n\r\n"


def multipart_body(content: bytes, filename: str) -> Body:
    """Announce a whole form by its length."""
    headers, body = multipart(("file", filename, content))
    return {**headers, "Content-Length": str(len(body))}, body


def die(
    url: str, token: str, make: Callable[[bytes, str], Body], content: bytes, filename: str, *, reset: bool
) -> None:
    """Send 60 % of an upload and disconnect, with a reset or an orderly close."""
    headers, body = make(content, filename)
    with connected(url) as connection:
        connection.sendall(request_head(url, {**headers, **bearer(token)}, filename))
        connection.sendall(body[: int(len(body) * SHARE)])
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def send_until_answered(url: str, token: str, length: int, head: bytes, filename: str) -> bytes:
    """Announce a body of that length and send it, zeros after the head; stop when the answer begins."""
    headers = {"Content-Length": str(length), "Content-Type": "video/mp4", **bearer(token)}
    with connected(url) as connection:
        connection.sendall(request_head(url, headers, filename) + head)
        sent = len(head)
        while not select.select([connection], [], [], 0)[0]:
            assert sent < length, "no answer before the end"
            connection.sendall(bytes(PIECE))
            sent += PIECE
        return connection.recv(PIECE)


def connected(url: str) -> socket.socket:
    """Return a connection to the host of a URL."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT_SECONDS)


def request_head(url: str, headers: dict[str, str], filename: str) -> bytes:
    """Return the head of a POST."""
    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{urlencode({'filename': filename})}"
    lines = [f"POST {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()
