"""The worker: gunicorn's threads, each of which gets a request once waiting for the client is over.

A thread is given a connection when a whole head has arrived, with its body if that is small. Until then, and between
requests, connections cost no thread, so slow clients do not hold up others.
"""

from __future__ import annotations

import errno
import json
import logging
import re
import selectors
import socket
import time
import uuid
from collections import deque
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors as http_errors
from gunicorn.workers.gthread import TConn, ThreadWorker

from functions.common import errors, log, trace
from functions.common.errors import Kind
from functions.peer import Peer

_log = logging.getLogger(__name__)

_ARRIVAL_SECONDS = 10.0  # for a head and a small body
_SMALL_BYTES = 2**16
_READ_BYTES = 2**16
_LINGER_SECONDS = 2.0
_LINGER_MOST_BYTES = 2**20

_HEAD_ENDS = (b"\n\r\n", b"\n\n")
_LAST_CHUNK = b"0\r\n\r\n"
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r?\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\ntransfer-encoding:", re.IGNORECASE)
_EXPECTS = re.compile(rb"\nexpect:", re.IGNORECASE)

_STATUSES = {
    http_errors.LimitRequestLine: errors.URI_TOO_LONG,
    http_errors.LimitRequestHeaders: errors.HEADERS_TOO_LARGE,
}


class Arrival:
    """The bytes of a request that have arrived, and whether a thread can take it.

    That is when it need not wait for the request, or only for a large body. This decides only who waits; what the
    request is, gunicorn decides. What was searched is not searched again, so that a client that sends single bytes does
    not keep the loop busy.
    """

    def __init__(self) -> None:
        self.data = bytearray()
        self._head_bytes = 0  # none before the head has arrived
        self._body_bytes: int | None = None  # to wait for; None if only the body's end tells how many
        self._missing = 1  # bytes, at least

    @property
    def is_complete(self) -> bool:
        """Whether a thread can take the request."""
        return self._missing <= 0

    def add(self, more: bytes) -> None:
        """Add bytes that have arrived."""
        known = len(self.data)
        self.data += more
        self._missing -= len(more)
        if self._missing > 0:
            return
        if not self._head_bytes:
            self._find_head(known)
        if self._body_bytes is not None:
            self._missing = self._head_bytes + self._body_bytes - len(self.data)
        else:
            self._missing = int(not self._is_enough(known))

    def take(self) -> bytes:
        """Return all bytes, and begin anew."""
        data = bytes(self.data)
        self.data.clear()
        self._head_bytes, self._body_bytes, self._missing = 0, None, 1
        return data

    def _find_head(self, known: int) -> None:
        """Look for the end of the head, of which the first `known` bytes had none."""
        ends = [place + len(end) for end in _HEAD_ENDS if (place := self._find(end, known)) >= 0]
        if ends:
            self._head_bytes = min(ends)
            self._body_bytes = _body_bytes(self.data[: self._head_bytes])

    def _is_enough(self, known: int) -> bool:
        """Tell whether a head without an end, or chunks, need no more waiting."""
        body_bytes = len(self.data) - self._head_bytes
        if not self._head_bytes or body_bytes > _SMALL_BYTES:
            return body_bytes > _SMALL_BYTES
        ended = self._find(_LAST_CHUNK, max(known, self._head_bytes)) >= 0
        return ended or (body_bytes > 0 and self.data.endswith(_HEAD_ENDS))  # trailers may follow the last chunk

    def _find(self, what: bytes, known: int) -> int:
        """Return the place of some bytes, whose last one is not among the first `known`."""
        return self.data.find(what, max(self._head_bytes, known - len(what) + 1))


def _body_bytes(head: bytes | bytearray) -> int | None:
    """Return how many bytes of the body to wait for: none of a large one, or of one that must be asked for."""
    if _EXPECTS.search(head):
        return 0
    if _CHUNKED.search(head):
        return None
    length = _LENGTH.search(head)
    return int(length[1]) if length and int(length[1]) <= _SMALL_BYTES else 0


class Connection(TConn):  # type: ignore[misc] # gunicorn has no types
    """A connection, and what has arrived of its next request."""

    def __init__(self, worker: Worker, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._worker = worker
        self.arrival = Arrival()

    def read(self) -> None:
        """Read what has arrived. Raises EOFError when the client has left."""
        data = self.sock.arrived(_READ_BYTES)
        if not data:
            raise EOFError
        self.arrival.add(data)

    def init(self) -> None:
        """Begin to parse the request, in a thread."""
        super().init()
        self.sock.limit(_ARRIVAL_SECONDS)
        self.parser.unreader.unread(self.arrival.take())

    def close(self, graceful: bool = False) -> None:
        """Close the connection; gracefully without blocking the worker's loop."""
        if graceful and self._worker.alive:
            self._worker.linger(self)
        else:
            self.sock.hurry(_LINGER_SECONDS)
            super().close(graceful)


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's threaded worker, whose loop waits for requests instead of its threads."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._lingering: deque[Connection] = deque()

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection."""
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        conn = Connection(self, self.cfg, Peer(accepted), address, listener.getsockname())
        self._await(conn)

    def on_client_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """Read the next request of a connection that was kept alive."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await(conn)
        self.on_pending_socket_readable(conn, client)

    def on_pending_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """Read what has arrived of a request."""
        try:
            conn.read()
        except BlockingIOError:
            return
        except (OSError, EOFError):
            self._forget(conn)
            self.nr_conns -= 1
            conn.close()
            return
        if conn.arrival.is_complete:
            self._forget(conn)
            super().enqueue_req(conn)

    def enqueue_req(self, conn: Connection) -> None:
        """Give a connection whose next request was read with the previous one to a thread, once it has arrived."""
        conn.arrival.add(conn.parser.unreader.take_buffered())
        if conn.arrival.is_complete:
            super().enqueue_req(conn)
        else:
            self._await(conn)

    def murder_pending(self) -> None:
        """Close connections whose request did not arrive in time, and those that have lingered."""
        now = time.monotonic()
        for conn in [each for each in self.pending_conns if each.timeout <= now]:
            self._forget(conn)
            self.nr_conns -= 1
            begun = bool(conn.arrival.data)
            if begun:
                self._refuse(conn.sock, errors.TIMED_OUT_REQUEST)
            conn.close(graceful=begun)
        while self._lingering and self._lingering[0].timeout <= now:
            self._drop(self._lingering[0])

    def linger(self, conn: Connection) -> None:
        """Close a connection once the client has closed it too, so that it can still read the response.

        RFC 9112 section 9.6: bytes that arrive at a closed socket would reset the connection.
        """
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            conn.close()
            return
        conn.timeout = time.monotonic() + _LINGER_SECONDS
        conn.left = _LINGER_MOST_BYTES
        conn.sock.setblocking(False)
        self._lingering.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._discard, conn))
        if len(self._lingering) > self.worker_connections:
            self._drop(self._lingering[0])

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Answer a request; 100 Continue is sent only if its body is read."""
        if req._expected_100_continue:
            conn.sock.expects_continue, req._expected_100_continue = True, False
            req.force_close()  # a client that was not asked for its body may send it, or the next request
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer a request that could not be read, or whose answer could not be sent."""
        ours = isinstance(exc, (http_errors.InvalidResponseHeader, http_errors.InvalidResponseHeaderName))
        if ours or not isinstance(exc, http_errors.ParseException):
            _log.error("unexpected error", exc_info=exc)
            self._refuse(client, errors.INTERNAL, exc)
            return
        kind = next((kind for which, kind in _STATUSES.items() if isinstance(exc, which)), errors.BAD_REQUEST)
        self._refuse(client, kind, exc)

    def _cap_keepalive(self, deadline: float) -> None:
        """Close connections without a request by a deadline, because the worker stops."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def _await(self, conn: Connection) -> None:
        """Wait for a request in the loop."""
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + _ARRIVAL_SECONDS
        conn.data_ready = True  # so that gunicorn's thread does not wait for it
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _forget(self, conn: Connection) -> None:
        self.pending_conns.remove(conn)
        self.poller.unregister(conn.sock)

    def _discard(self, conn: Connection, client: Peer) -> None:
        try:
            data = client.arrived(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        conn.left -= len(data)
        if not data or conn.left <= 0:
            self._drop(conn)

    def _drop(self, conn: Connection) -> None:
        self._lingering.remove(conn)
        self.poller.unregister(conn.sock)
        conn.close()

    def _refuse(self, client: Peer, kind: Kind, cause: Exception | None = None) -> None:
        """Send an error response (RFC 9457) that no function has a part in, as far as the client takes it at once."""
        if self.wsgi.config["TAKES_EVENTS"]:
            kind = errors.to_deliverer(kind)
        log.request_id.set(str(uuid.uuid4()))
        trace.begin(None)
        _log.info("refused", extra={"code": kind.code, "cause": repr(cause) if cause else None})
        fields = {"type": "about:blank", "title": kind.title, "status": kind.status, "code": kind.code}
        body = json.dumps(fields | {"request_id": log.request_id.get()}) + "\n"
        head = (
            f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}",
            "Connection: close",
            "Content-Type: application/problem+json",
            "Cache-Control: no-store",
            f"Content-Length: {len(body)}",
        )
        try:
            socket.socket.send(client, "\r\n".join([*head, "", body]).encode(), socket.MSG_DONTWAIT)
        except OSError as error:
            _log.debug("not answered", extra={"cause": repr(error)})
