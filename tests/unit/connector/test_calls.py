"""One call: only the response's status matters, and no response is an error."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from functions.connector.calls import Caller
from tests.connector.sink import Call, Sink

REQUEST = b"POST / HTTP/1.1\r\n"
SECONDS = 10


def prepared(url: str) -> requests.PreparedRequest:
    return requests.Request("POST", url, headers={"ce-id": "1"}, data=b"body").prepare()


@contextmanager
def server_answering(answer: bytes) -> Iterator[tuple[str, threading.Event]]:
    """Yield the URL of a server that answers one request with these bytes, and closes once the event is set."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(SECONDS)  # a test that fails before its call must not wait for ever

        def answer_once() -> None:
            connection, _ = server.accept()
            with connection:
                assert connection.recv(65_536).startswith(REQUEST)
                connection.sendall(answer)
                done.wait(SECONDS)

        thread = threading.Thread(target=answer_once)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/", done
        finally:
            done.set()
            thread.join()


@pytest.mark.parametrize("status", [200, 202, 204, 301, 307, 400, 404, 500, 503])
def test_the_status_is_returned_and_no_redirect_followed(status: int, sink: Sink) -> None:
    sink.answer = lambda call: status
    assert Caller(None).post(prepared(sink.url)) == status
    assert [(call.path, call.body, call.headers["ce-id"]) for call in sink.calls] == [("/", b"body", "1")]


@pytest.mark.parametrize(("token", "sent"), [("correct horse", "Bearer correct horse"), ("", None)])
def test_the_token_comes_along(token: str, sent: str | None, sink: Sink) -> None:
    caller = Caller(None, token)
    caller.post(prepared(sink.url))
    assert [call.headers.get("authorization") for call in sink.calls] == [sent]
    assert not token or token not in repr(caller)


def test_the_body_of_a_response_is_not_awaited() -> None:
    with server_answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbeginning") as (url, _):
        assert Caller(None).post(prepared(url)) == 200


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 2", b"SSH-2.0\r\n\r\n"])
def test_an_invalid_response_is_an_error(answer: bytes) -> None:
    with server_answering(answer) as (url, done):
        done.set()
        with pytest.raises(requests.RequestException):
            Caller(None).post(prepared(url))


def test_an_unreachable_function_is_an_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(requests.ConnectionError):
            Caller(None).post(prepared(f"http://127.0.0.1:{free.getsockname()[1]}/"))


def test_a_slow_response_is_an_error(sink: Sink) -> None:
    released = threading.Event()

    def answer(call: Call) -> int:
        released.wait(SECONDS)
        return 200

    sink.answer = answer
    with pytest.raises(requests.ReadTimeout):
        Caller(0.05).post(prepared(sink.url))
    released.set()


def test_a_lost_host_is_noticed(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """TCP keepalive is on, because a call may take minutes without a byte."""
    options: list[tuple[int, int, int]] = []
    connect = socket.socket.connect

    def watched(connection: socket.socket, address: object) -> None:
        connect(connection, address)  # type: ignore[arg-type]
        names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        options.extend(
            (connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), name, each)
            for name in names
            if (each := connection.getsockopt(socket.IPPROTO_TCP, name))
        )

    monkeypatch.setattr(socket.socket, "connect", watched)
    assert Caller(None).post(prepared(sink.url)) == 200
    assert options == [(1, socket.TCP_KEEPIDLE, 30), (1, socket.TCP_KEEPINTVL, 10), (1, socket.TCP_KEEPCNT, 3)]
