"""gunicorn with our worker: clients that send slowly hold no thread, and every answer is a problem document."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import requests

from functions.common.bearer import Bearer
from functions.common.tokens import Signer
from local.token_keys import private_key
from tests.clients.waiting import until
from tests.local.commands import free_port

ROOT = Path(__file__).resolve().parents[2]
GUNICORN = [str(Path(sys.executable).parent / "gunicorn"), "-c", "functions/gunicorn.conf.py"]
SIGN_UP = "0123456789abcdef"
SLOW = 40  # connections, far more than threads
ANSWER_SECONDS = 30
STOP_SECONDS = 10  # what a request may take to arrive is not waited for
HEAD = b"GET /keys HTTP/1.1\r\nHost: x\r\n\r\n"
USER = b'{"email": "not an address", "password": "correct horse"}'


class Server:
    """A running function."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port
        self.url = f"http://127.0.0.1:{port}"

    def connect(self, data: bytes = b"") -> socket.socket:
        """Return a connection over which these bytes were sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), ANSWER_SECONDS)
        connection.sendall(data)
        return connection

    def answers(self) -> bool:
        """Tell whether the function answers."""
        try:
            return requests.get(f"{self.url}/_/health", timeout=ANSWER_SECONDS).status_code == 200
        except requests.ConnectionError:
            return False

    def stopped(self) -> int:
        """Stop the function, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def serving(**settings: str) -> Iterator[Server]:
    """Run login, whose database nothing here needs, on two threads."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "FUNCTION_TARGET": "login",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "THREADS": "2",
        "JWT_PRIVATE_KEY": private_key(),
        "SIGNUP_TOKEN": SIGN_UP,
        "MYSQL_URL": "mysql://user@127.0.0.1:1/x",
        "SMTP_URL": "smtp://127.0.0.1:1",
        "LINK_SECRET": secrets.token_urlsafe(32),
    }
    with subprocess.Popen(GUNICORN, cwd=ROOT, env=environment | settings, stderr=subprocess.DEVNULL) as process:
        server = Server(process, port)
        try:
            until(server.answers, "the function", ANSWER_SECONDS)
            yield server
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def request(body: bytes = b"", *more: str, path: str = "/users", method: str = "POST") -> bytes:
    """Return a request, by default one for a new user."""
    fields = ["Host: x", f"Authorization: Bearer {SIGN_UP}", *more]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *fields, "", ""]).encode() + body


def answer(connection: socket.socket) -> tuple[int, Any]:
    """Return the status and content of the only answer on a connection."""
    return next(answers(connection))


def answers(connection: socket.socket) -> Iterator[tuple[int, Any]]:
    """Yield the status and content of each answer on a connection."""
    with connection.makefile("rb") as file:
        while True:
            yield read_answer(file)


def read_answer(file: BinaryIO) -> tuple[int, Any]:
    """Read an answer; every error must be a problem document."""
    status = int(file.readline().split()[1])
    fields = dict(re.findall(rb"(?im)^([a-z-]+): *(.*?)\r\n", b"".join(iter(file.readline, b"\r\n"))))
    named = {name.lower(): value for name, value in fields.items()}
    content = json.loads(file.read(int(named[b"content-length"])))
    if status >= 400:
        assert named[b"content-type"] == b"application/problem+json"
        assert content["request_id"]
    return status, content


@pytest.mark.attack("B8")
@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"G",
        HEAD[:-1],
        request(USER[:-1], f"Content-Length: {len(USER)}"),
        request(b"1\r\n{\r\n", "Transfer-Encoding: chunked"),
    ],
    ids=["nothing", "a byte", "a head", "a body", "a chunk"],
)
def test_slow_clients_hold_no_thread(beginning: bytes, server: Server) -> None:
    with ExitStack() as slow:
        connections = [slow.enter_context(server.connect(beginning)) for _ in range(SLOW)]
        assert requests.get(f"{server.url}/keys", timeout=ANSWER_SECONDS).status_code == 200
        for connection in connections:
            connection.setblocking(False)
            with pytest.raises(BlockingIOError):  # still open, and not answered
                connection.recv(1)


@pytest.mark.attack("B8")
def test_what_does_not_arrive_in_time_is_refused(server: Server) -> None:
    """A client that sent nothing gets no answer."""
    with server.connect(HEAD[:-1]) as begun, server.connect() as silent:
        status, content = answer(begun)
        assert (status, content["code"]) == (408, "request_timed_out")
        assert begun.recv(1) == silent.recv(1) == b""


def test_a_request_in_pieces(server: Server) -> None:
    whole = request(USER, f"Content-Length: {len(USER)}")
    with server.connect() as connection:
        for byte in whole:
            connection.sendall(bytes([byte]))
        status, content = answer(connection)
    assert (status, content["code"]) == (400, "invalid_email")


@pytest.mark.parametrize("pause", [0.0, 0.05])
def test_requests_on_one_connection(pause: float, server: Server) -> None:
    """One after the other, several at once, and some that begin together with the one before."""
    user = request(USER, f"Content-Length: {len(USER)}")
    chunked = request(b"%x\r\n%s\r\n0\r\n\r\n" % (len(USER), USER), "Transfer-Encoding: chunked")
    stream = HEAD + user + HEAD + HEAD + chunked + HEAD
    with server.connect() as connection:
        for start in range(0, len(stream), 97):
            connection.sendall(stream[start : start + 97])
            time.sleep(pause)
        statuses = [status for status, _ in islice(answers(connection), 6)]
    assert statuses == [200, 400, 200, 200, 400, 200]


@pytest.mark.attack("B7")
@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 200 + b"\r\n", 431, "headers_too_large"),
        (b"a" * 70_000, 414, "uri_too_long"),
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/9.9\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400, "bad_request"),
        (request(b"", "Content-Length: ten"), 400, "bad_request"),
        (request(b"zz\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 400, "incomplete_body"),
        (request(b"1\r\nab\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 400, "incomplete_body"),
        (request(b"1;\x01\r\na\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 400, "incomplete_body"),
    ],
)
def test_malformed_requests(sent: bytes, status: int, code: str, server: Server) -> None:
    with server.connect(sent) as connection:
        found, content = answer(connection)
        assert (found, content["code"]) == (status, code)
        assert connection.recv(1) == b"", "the connection is closed"


def test_a_body_is_asked_for_only_if_it_is_wanted(server: Server) -> None:
    """RFC 9110 section 10.1.1."""
    expecting = [f"Content-Length: {len(USER)}", "Expect: 100-continue"]
    with server.connect(request(b"", *expecting)) as wanted:
        assert wanted.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        wanted.sendall(USER)
        assert answer(wanted)[1]["code"] == "invalid_email"
    refused = request(b"", *expecting).replace(SIGN_UP.encode(), b"wrong")
    with server.connect(refused) as unwanted:
        assert answer(unwanted)[1]["code"] == "unauthorized"
        assert unwanted.recv(1) == b""


NOWHERE = {"MONGODB_URL": "mongodb://127.0.0.1:1/", "RABBITMQ_URL": "amqp://127.0.0.1:1/"}


def test_a_user_has_a_share_of_the_threads(mongodb: str) -> None:
    """A quarter of them. More uploads at once are asked to wait, those of other users are not."""
    signer = Signer(private_key(), 60)
    patient = {"IDLE_TIMEOUT_SECONDS": "60", "MIN_BYTES_A_SECOND": "0", "THREADS": "8"}
    keys = {"JWT_PUBLIC_KEYS": json.dumps(signer.key_set)}

    def upload(user: str, body: bytes, *more: str) -> bytes:
        token = signer.sign(Bearer(user, f"{user}@example.org"))
        return request(body, *more, path="/").replace(SIGN_UP.encode(), token.encode())

    places = NOWHERE | {"MONGODB_URL": mongodb, "MONGODB_DATABASE": f"worker-{secrets.token_hex(4)}"}
    with serving(FUNCTION_TARGET="upload", **places, **patient, **keys) as server:

        def begun() -> socket.socket:
            connection = server.connect(upload("ada", b"", "Content-Length: 1000000", "Expect: 100-continue"))
            assert connection.recv(100).startswith(b"HTTP/1.1 100 "), "its body is being read"
            return connection

        def refusal(user: str) -> str:
            with server.connect(upload(user, b"text", "Content-Length: 4")) as connection:
                return str(answer(connection)[1]["code"])

        with begun():
            with begun():
                assert (refusal("ada"), refusal("grace")) == ("too_many_transfers", "not_media")
            until(lambda: refusal("ada") == "not_media", "the second upload to have ended")


PROXIED = "X-Forwarded-For: 192.0.2.1"


def refused(sent: int, length: int, *more: str) -> bytes:
    """Return a request that is refused, and the beginning of its large body."""
    return request(bytes(sent), f"Content-Length: {length}", *more).replace(SIGN_UP.encode(), b"wrong")


@pytest.mark.parametrize("more", [[], [PROXIED], ["Expect: 100-continue"]], ids=["direct", "proxied", "expecting"])
def test_refused_bodies_hold_no_thread(more: list[str], server: Server) -> None:
    """Each gets its answer although its body does not go on, and no other request waits for that."""
    with ExitStack() as slow:
        connections = [slow.enter_context(server.connect(refused(10, 10**6, *more))) for _ in range(SLOW)]
        assert requests.get(f"{server.url}/keys", timeout=ANSWER_SECONDS).status_code == 200
        for connection in connections:
            status, content = answer(connection)
            assert (status, content["code"]) == (401, "unauthorized")
            assert connection.recv(1) == b"", "it is the last answer"


def test_a_proxy_gets_the_answer_after_the_body(server: Server) -> None:
    """It would reset its client's connection if that was still sending."""
    with server.connect(refused(70_000, 10**6, PROXIED)) as connection:
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(ANSWER_SECONDS)
        connection.sendall(bytes(10**6 - 70_000))
        assert answer(connection)[1]["code"] == "unauthorized"
        assert connection.recv(1) == b""


@pytest.mark.parametrize("pieces", [[b"0\r\n\r\n"], [b"0\r", b"\n\r\n"], [b"0\r\n", b"\r\n"]], ids=len)
def test_a_proxy_gets_the_answer_after_the_last_chunk(pieces: list[bytes], server: Server) -> None:
    beginning = request(b"f4240\r\n", "Transfer-Encoding: chunked", PROXIED).replace(SIGN_UP.encode(), b"wrong")
    with server.connect(beginning + bytes(70_000)) as connection:
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(ANSWER_SECONDS)
        connection.sendall(bytes(10**6 - 70_000) + b"\r\n")
        with server.connect(beginning + bytes(70_000)) as unfinished:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.01)
            assert answer(connection)[1]["code"] == "unauthorized"
            assert connection.recv(1) == b""
            unfinished.setblocking(False)
            with pytest.raises(BlockingIOError):
                unfinished.recv(1)


def test_a_client_that_sends_a_refused_body_to_its_end_gets_the_answer(server: Server) -> None:
    """A reset would discard it (RFC 9112 section 9.6)."""
    with server.connect(refused(0, 30 * 2**20)) as connection:
        for _ in range(30):
            connection.sendall(bytes(2**20))
        assert answer(connection)[1]["code"] == "unauthorized"


def test_answers_that_wait_for_a_body_are_sent_when_it_stops() -> None:
    with serving() as server, server.connect(refused(70_000, 10**6, PROXIED)) as waiting:
        waiting.settimeout(0.2)
        with pytest.raises(TimeoutError):
            waiting.recv(1)
        waiting.settimeout(ANSWER_SECONDS)
        assert server.stopped() == 0
        assert answer(waiting)[1]["code"] == "unauthorized"


def test_it_stops_at_once_although_clients_are_connected() -> None:
    with serving() as server, server.connect() as _, server.connect(HEAD[:-1]) as _, server.connect(HEAD) as kept:
        answer(kept)
        assert server.stopped() == 0


def test_events_survive_late_and_garbled_deliveries(server: Server) -> None:
    """After 408 or 500 the event would be gone; after 400 it would be a dead letter. People may be later."""
    garbled = request(b"zz\r\n0\r\n\r\n", "Transfer-Encoding: chunked", path="/")
    with (
        serving(FUNCTION_TARGET="convert", **NOWHERE) as events,
        server.connect(HEAD[:-1]) as person,
        events.connect(garbled) as cut,
        events.connect(HEAD[:-1]) as late,
    ):
        assert [answer(each)[0] for each in (cut, late)] == [503, 503]
        person.setblocking(False)
        with pytest.raises(BlockingIOError):
            person.recv(1)
