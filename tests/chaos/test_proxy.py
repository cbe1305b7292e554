"""The proxy itself: each fault has its effect, from when it is set until it is healed."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.chaos.proxy import HOST, Proxy
from tests.clients.waiting import until
from tests.local.commands import free_port

TIMEOUT_SECONDS = 10
QUIET_SECONDS = 0.2
RECEIVED: list[bytes] = []


class Echo(socketserver.BaseRequestHandler):
    """Sends back all data, and records it."""

    def handle(self) -> None:
        try:
            while data := self.request.recv(65536):
                RECEIVED.append(data)
                self.request.sendall(data)
        except ConnectionResetError:
            RECEIVED.append(b"reset")


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    RECEIVED.clear()
    with EchoServer((HOST, 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        with closing(Proxy((HOST, server.server_address[1]))) as between:
            yield between
        server.shutdown()
        thread.join()


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with connected(proxy) as connection:
        assert exchange(connection, b"hello") == b"hello"
        yield connection


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection((HOST, proxy.port), timeout=TIMEOUT_SECONDS)


def exchange(connection: socket.socket, question: bytes) -> bytes:
    """Send data and return as many bytes, or fewer if the connection ends."""
    connection.sendall(question)
    answer = b""
    while len(answer) < len(question) and (data := connection.recv(65536)):
        answer += data
    return answer


def silent(connection: socket.socket) -> bool:
    """Tell whether nothing arrives for a while."""
    connection.settimeout(QUIET_SECONDS)
    try:
        return connection.recv(1) is None
    except TimeoutError:
        return True
    finally:
        connection.settimeout(TIMEOUT_SECONDS)


def assert_new_connections_work(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        assert exchange(connection, b"new") == b"new"


def assert_refused(proxy: Proxy) -> None:
    # The reset may arrive this early.
    with pytest.raises((ConnectionResetError, BrokenPipeError)), connected(proxy) as connection:
        exchange(connection, b"new")


def test_data_and_a_clean_close_are_passed_in_both_directions(proxy: Proxy, client: socket.socket) -> None:
    much = bytes(range(256)) * 8000
    sender = threading.Thread(target=client.sendall, args=(much,))
    sender.start()
    answer = b""
    while len(answer) < len(much):
        answer += client.recv(65536)
    sender.join()
    assert answer == much
    client.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""
    until(lambda: proxy.connections == 0, "the connection to close")


def test_cut_closes_cleanly(proxy: Proxy, client: socket.socket) -> None:
    proxy.cut()
    assert client.recv(1) == b""
    assert_new_connections_work(proxy)
    assert b"reset" not in RECEIVED


def test_reset(proxy: Proxy, client: socket.socket) -> None:
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert_new_connections_work(proxy)
    until(lambda: b"reset" in RECEIVED, "the server's connection to be reset")


def test_refuse_also_resets_new_connections(proxy: Proxy, client: socket.socket) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert_refused(proxy)
    proxy.heal()
    assert_new_connections_work(proxy)


def test_connections_to_a_server_that_is_down_are_reset() -> None:
    with closing(Proxy((HOST, free_port()))) as proxy:
        assert_refused(proxy)
        assert proxy.fault_count == 0


def test_connections_that_lost_bytes_in_a_black_hole_are_reset(proxy: Proxy, client: socket.socket) -> None:
    proxy.black_hole()
    client.sendall(b"lost")
    with connected(proxy) as late:
        late.sendall(b"lost too")
        assert silent(client)
        assert silent(late)
        assert RECEIVED == [b"hello"]
        proxy.heal()
        for connection in (client, late):
            with pytest.raises(ConnectionResetError):
                connection.recv(1)
    assert_new_connections_work(proxy)


def test_an_idle_connection_survives_a_black_hole(proxy: Proxy, client: socket.socket) -> None:
    proxy.black_hole()
    proxy.heal()
    assert exchange(client, b"still here") == b"still here"


def test_a_forgotten_connection_is_silent_and_new_ones_work(proxy: Proxy, client: socket.socket) -> None:
    proxy.forget()
    client.sendall(b"lost")
    assert silent(client)
    assert_new_connections_work(proxy)
    assert b"lost" not in RECEIVED


def test_latency(proxy: Proxy, client: socket.socket) -> None:
    proxy.delay(QUIET_SECONDS)
    began = time.monotonic()
    assert exchange(client, b"late") == b"late"
    assert time.monotonic() - began >= QUIET_SECONDS
    assert proxy.fault_count == 1


def test_throttle(proxy: Proxy, client: socket.socket) -> None:
    proxy.throttle(100_000)
    began = time.monotonic()
    assert exchange(client, bytes(40_000)) == bytes(40_000)
    assert time.monotonic() - began >= QUIET_SECONDS
    proxy.heal()


def test_healing_ends_a_delay(proxy: Proxy, client: socket.socket) -> None:
    proxy.delay(1000)
    client.sendall(b"late")
    until(lambda: proxy.fault_count, "the wait to begin")
    proxy.heal()
    assert client.recv(4) == b"late"


def test_a_lost_answer_to_the_next_request(proxy: Proxy, client: socket.socket) -> None:
    proxy.drop_answer()
    with pytest.raises(ConnectionResetError):
        exchange(client, b"question")
    assert b"question" in RECEIVED
    assert_new_connections_work(proxy)


def test_a_lost_answer_to_a_chosen_request(proxy: Proxy, client: socket.socket) -> None:
    proxy.drop_answer(2, to=b"chosen")
    assert exchange(client, b"another cho") == b"another cho"
    with connected(proxy) as other:
        assert exchange(other, b"chose the other") == b"chose the other"
    client.sendall(b"sen")
    assert client.recv(2) == b"se"
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert b"sen" in RECEIVED
    assert_new_connections_work(proxy)


def test_several_lost_answers(proxy: Proxy, client: socket.socket) -> None:
    proxy.drop_answer(to=b"question")
    proxy.drop_answer(to=b"again")
    with connected(proxy) as other:
        assert exchange(other, b"another one") == b"another one"
        for connection, text in ((client, b"question"), (other, b"once again")):
            with pytest.raises(ConnectionResetError):
                exchange(connection, text)
    assert_new_connections_work(proxy)


def test_a_held_request_arrives_after_its_sender_has_disconnected(proxy: Proxy, client: socket.socket) -> None:
    proxy.hold(b"last")
    assert exchange(client, b"first") == b"first"
    client.sendall(b"last words")
    until(lambda: proxy.fault_count, "the request to be held")
    client.close()
    assert_new_connections_work(proxy)
    assert b"last words" not in RECEIVED
    proxy.heal()
    until(lambda: b"last words" in RECEIVED, "the request to arrive")


def test_every_request_can_be_held(proxy: Proxy, client: socket.socket) -> None:
    proxy.hold(b"last", every=True)
    with connected(proxy) as other:
        client.sendall(b"the last words")
        other.sendall(b"my last words")
        until(lambda: proxy.fault_count == 2, "both requests to be held")
        proxy.heal()
        for connection, words in ((client, b"the last words"), (other, b"my last words")):
            assert connection.recv(100) == words


def test_redirect(proxy: Proxy, client: socket.socket) -> None:
    with socket.create_server((HOST, 0)) as other:
        proxy.redirect(other.getsockname())
        with connected(proxy):
            other.settimeout(TIMEOUT_SECONDS)
            other.accept()[0].close()
    proxy.heal()
    assert_new_connections_work(proxy)
