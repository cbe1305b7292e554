"""The worker: gunicorn's threads, each of which gets a request once waiting for the client is over.

A thread is given a connection when a whole head has arrived, with its body if that is small. Until then, and between
requests, connections cost no thread, so slow clients do not hold up others.
"""

from __future__ import annotations

import errno
import json
import logging
import selectors
import socket
import time
import uuid
from collections import deque
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors as http_errors
from gunicorn.http.body import LengthReader
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import TConn, ThreadWorker

from functions.arrival import LAST_CHUNK, Arrival
from functions.common import errors, log, trace
from functions.common.errors import Kind
from functions.common.shares import Shares
from functions.peer import Peer
from functions.stream import Stream

_log = logging.getLogger(__name__)

_ARRIVAL_SECONDS = 10.0  # for a head and a small body
_EVENT_SECONDS = 5.0  # deliverers of events are near
_READ_BYTES = 2**16
_LINGER_SECONDS = 2.0
_LINGER_MOST_BYTES = 32 * 2**20

_STATUSES = {
    http_errors.LimitRequestLine: errors.URI_TOO_LONG,
    http_errors.LimitRequestHeaders: errors.HEADERS_TOO_LARGE,
}


class Unreader(SocketUnreader):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's reader of a connection, which copies a body's bytes only once."""

    def read(self, size: int | None = None, read_ahead: int | None = None) -> bytes:
        """Return so many bytes, fewer only at the end; gunicorn's own reads ahead and moves what is left each time."""
        if not size or size < self.mxchunk or self.buf.getbuffer():
            return bytes(super().read(size, read_ahead and size))
        pieces, left = [], size
        while left and (piece := self.sock.recv(left)):
            pieces.append(piece)
            left -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Connection(TConn):  # type: ignore[misc] # gunicorn has no types
    """A connection, and what has arrived of its next request."""

    def __init__(self, worker: Worker, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._worker = worker
        self.arrival = Arrival()
        self._tail = b""

    def read(self) -> None:
        """Read what has arrived. Raises EOFError when the client has left."""
        data = self.sock.arrived(_READ_BYTES)
        if not data:
            raise EOFError
        self.arrival.add(data)

    def init(self) -> None:
        """Begin to parse the request, in a thread."""
        super().init()
        self.sock.limit(self._worker.arrival_seconds)
        self.parser.unreader = Unreader(self.sock)
        self.parser.unreader.unread(self.arrival.take())

    def close(self, graceful: bool = False) -> None:
        """Close the connection, unless its response goes on; gracefully without blocking the worker's loop."""
        taker, self.sock.taker = self.sock.taker, None
        if taker and graceful and self._worker.alive:
            taker(Stream(self.sock, self.sock.take_held()))
        elif graceful and self._worker.alive:
            self._worker.linger(self)
        else:
            self.sock.release()
            self.sock.hurry(_LINGER_SECONDS)
            super().close(graceful)

    def missing_bytes(self) -> int:
        """Return how many bytes of the body have not arrived, at most: of chunks, only their end tells."""
        reader = self.parser.mesg.body.reader
        if not isinstance(reader, LengthReader):
            return _LINGER_MOST_BYTES
        return int(reader.length) - len(self.parser.unreader.buf.getbuffer())

    def ends_chunks(self, data: bytes) -> bool:
        """Tell whether these bytes end with a last chunk; the bytes of a file may look like one."""
        self._tail = (self._tail + data)[-len(LAST_CHUNK) :]
        return self._tail == LAST_CHUNK and not isinstance(self.parser.mesg.body.reader, LengthReader)


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's threaded worker, whose loop waits for requests instead of its threads."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._patient: deque[Connection] = deque()  # their response waits for the rest of a body
        self._lingering: deque[Connection] = deque()

    def load_wsgi(self) -> None:
        """Load the app, and tell it how many transfers a user may have."""
        super().load_wsgi()
        self.wsgi.config["SHARES"] = Shares(self.cfg.threads)

    @property
    def arrival_seconds(self) -> float:
        """How long a request may take to arrive."""
        return _EVENT_SECONDS if self._takes_events else _ARRIVAL_SECONDS

    @property
    def _takes_events(self) -> bool:
        return bool(self.wsgi.config["TAKES_EVENTS"])

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
        while self._patient and self._patient[0].timeout <= now:
            self._respond(self._patient.popleft())
        while self._lingering and self._lingering[0].timeout <= now:
            self._drop(self._lingering[0])

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for events, and not longer than a response may wait."""
        if self._patient:
            timeout = min(timeout, max(0.0, self._patient[0].timeout - time.monotonic()))
        super().wait_for_and_dispatch_events(timeout)

    def linger(self, conn: Connection) -> None:
        """Close a connection once the client has closed it too, so that it can still read the response.

        RFC 9112 section 9.6: bytes that arrive at a closed socket would reset the connection. A response that was held
        is sent when the rest of the request's body has arrived, or after its time.
        """
        if conn.sock.fileno() < 0:  # gunicorn closed it, because a response failed on the way
            return
        conn.sock.setblocking(False)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._discard, conn))
        if conn.sock.patience and (missing := conn.missing_bytes()) > 0:
            conn.left, conn.timeout = missing, time.monotonic() + conn.sock.patience
            self._patient.append(conn)
        else:
            self._respond(conn)
        if len(self._patient) + len(self._lingering) > self.worker_connections:
            self._drop((self._lingering or self._patient)[0])

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Answer a request; 100 Continue is sent only if its body is read."""
        conn.sock.close_after = req.force_close
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
        while self._patient:
            self._respond(self._patient.popleft())

    def _await(self, conn: Connection) -> None:
        """Wait for a request in the loop."""
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.arrival_seconds
        conn.data_ready = True  # so that gunicorn's thread does not wait for it
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _forget(self, conn: Connection) -> None:
        self.pending_conns.remove(conn)
        self.poller.unregister(conn.sock)

    def _respond(self, conn: Connection) -> None:
        """Send what was held, end the response, and wait for the client to close the connection."""
        conn.left, conn.timeout = _LINGER_MOST_BYTES, time.monotonic() + _LINGER_SECONDS
        self._lingering.append(conn)
        conn.sock.release()
        try:
            if not conn.sock.is_cut_later:
                conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)

    def _discard(self, conn: Connection, client: Peer) -> None:
        try:
            data = client.arrived(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        conn.left -= len(data)
        if data and conn.left > 0 and not (conn in self._patient and conn.ends_chunks(data)):
            return
        if conn in self._patient:
            self._patient.remove(conn)
            self._respond(conn)
        else:
            self._drop(conn)

    def _drop(self, conn: Connection) -> None:
        (self._lingering if conn in self._lingering else self._patient).remove(conn)
        self.poller.unregister(conn.sock)
        conn.close()

    def _refuse(self, client: Peer, kind: Kind, cause: Exception | None = None) -> None:
        """Send an error response (RFC 9457) that no function has a part in, as far as the client takes it at once."""
        if self._takes_events:
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
        client.offer("\r\n".join([*head, "", body]).encode())
