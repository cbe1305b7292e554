"""A peer must send and take its bytes in time."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from functions.common.errors import TooSlow
from functions.peer import GRACE_SECONDS, Pace, Peer

SOON = 0.02  # s


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Peer]]:
    """The client's end of a connection, and ours."""
    client, accepted = socket.socketpair()
    with client, Peer(accepted) as peer:
        yield client, peer


def test_each_wait_is_limited() -> None:
    pace = Pace(3.0)
    for _ in range(100):
        assert pace.left() == 3.0
        pace.count(1, 2.9)


def test_all_waits_together_may_be_limited() -> None:
    pace = Pace(3.0, total=4.0)
    pace.count(0, 2.5)
    assert pace.left() == 1.5
    pace.count(10**9, 1.5)
    with pytest.raises(TooSlow):
        pace.left()


@pytest.mark.parametrize(
    ("moved", "waited", "left"),
    [
        (0, 0.0, GRACE_SECONDS),
        (1, GRACE_SECONDS - 1, 1.0),
        (1000, GRACE_SECONDS - 1, 1.0),
        (1001, GRACE_SECONDS, 0.01),
        (2000, 11.0, 9.0),
        (10**9, 11.0, 30.0),
    ],
)
def test_the_average_counts_after_a_while(moved: int, waited: float, left: float) -> None:
    """100 bytes per second; a fast beginning counts, and each wait is still limited."""
    pace = Pace(30.0, 100)
    pace.count(moved, waited)
    assert pace.left() == pytest.approx(left)


@pytest.mark.parametrize(("moved", "waited"), [(0, GRACE_SECONDS), (999, GRACE_SECONDS), (2000, 20.0), (2000, 100.0)])
def test_too_slow_on_average(moved: int, waited: float) -> None:
    pace = Pace(30.0, 100)
    pace.count(moved, waited)
    with pytest.raises(TooSlow):
        pace.left()


def test_without_a_rate_there_is_no_average() -> None:
    pace = Pace(30.0)
    pace.count(0, 10**6)
    assert pace.left() == 30.0


def test_a_silent_peer(ends: tuple[socket.socket, Peer]) -> None:
    _, peer = ends
    peer.limit(SOON)
    with pytest.raises(TooSlow):
        peer.recv(10)


def test_a_peer_that_takes_nothing(ends: tuple[socket.socket, Peer]) -> None:
    _, peer = ends
    peer.limit(SOON)
    with pytest.raises(TooSlow):
        peer.sendall(bytes(10**8))


def test_everything_is_sent(ends: tuple[socket.socket, Peer]) -> None:
    client, peer = ends
    data = bytes(range(256)) * 20_000
    with client.makefile("rb") as file:
        sender = threading.Thread(target=peer.sendall, args=[data])
        sender.start()
        assert file.read(len(data)) == data
        sender.join()
    peer.sendall(b"")


def test_a_hurried_peer_may_trickle_only_for_so_long(ends: tuple[socket.socket, Peer]) -> None:
    """Each byte is in time, but the whole is not."""
    client, peer = ends
    peer.hurry(4 * SOON)
    ended = threading.Event()

    def trickle() -> None:
        while not ended.wait(SOON / 4):
            client.send(b"x")

    sender = threading.Thread(target=trickle)
    sender.start()
    with pytest.raises(TooSlow):
        list(iter(lambda: peer.recv(10), b""))
    ended.set()
    sender.join()


def test_a_new_request_has_all_of_its_time(ends: tuple[socket.socket, Peer]) -> None:
    client, peer = ends
    peer.hurry(SOON)
    with pytest.raises(TooSlow):
        peer.recv(10)
    peer.limit(GRACE_SECONDS)
    client.send(b"x")
    assert peer.recv(10) == b"x"


def test_what_has_arrived(ends: tuple[socket.socket, Peer]) -> None:
    client, peer = ends
    with pytest.raises(BlockingIOError):
        peer.arrived(10)
    client.send(b"abc")
    assert (peer.arrived(2), peer.arrived(2)) == (b"ab", b"c")
    client.close()
    assert peer.arrived(2) == b""


def test_a_peer_that_is_not_waited_for(ends: tuple[socket.socket, Peer]) -> None:
    client, peer = ends
    peer.stop_waiting()
    client.send(b"abc")
    assert peer.recv(10) == b"abc"
    with pytest.raises(TooSlow):
        peer.recv(10)
    peer.hurry(SOON)
    client.send(b"d")
    assert peer.recv(10) == b"d"


@pytest.mark.parametrize("send", [Peer.flush, Peer.release])
def test_what_is_held_is_sent_together(send: Callable[[Peer], None], ends: tuple[socket.socket, Peer]) -> None:
    client, peer = ends
    client.setblocking(False)
    peer.hold(1.5)
    for data in (b"head", memoryview(b" and "), b"body"):
        peer.sendall(data)
    with pytest.raises(BlockingIOError):
        client.recv(1)
    assert peer.patience == 1.5
    send(peer)
    assert client.recv(100) == b"head and body"
    send(peer)
    peer.sendall(b"next")
    assert client.recv(100) == b"next"


@pytest.mark.parametrize(("send", "ended"), [(Peer.flush, [True]), (Peer.release, [])])
def test_what_is_held_for_a_peer_that_has_left(
    send: Callable[[Peer], None], ended: list[bool], ends: tuple[socket.socket, Peer]
) -> None:
    """That is no error: what is left to do after the response must be done."""
    client, peer = ends
    ends_after: list[bool] = []
    peer.close_after = lambda: ends_after.append(True)
    peer.hold(0.0)
    peer.sendall(b"answer")
    client.close()
    send(peer)
    assert ends_after == ended
    with pytest.raises(BrokenPipeError):
        peer.sendall(b"next")


def test_a_body_is_asked_for_once(ends: tuple[socket.socket, Peer]) -> None:
    """By 100 Continue, before it is read (RFC 9110 section 10.1.1)."""
    client, peer = ends
    peer.expects_continue = True
    client.send(b"ab")
    assert (peer.recv(1), peer.recv(1)) == (b"a", b"b")
    assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_whether_a_peer_is_sending() -> None:
    """One that has reset the connection is not."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        peer = Peer(server.accept()[0])
        assert not peer.is_sending(SOON)
        client.send(b"a")
        assert peer.is_sending(SOON)
        assert peer.recv(10) == b"a", "it was not read"
        peer.send(b"unread")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with peer:
        assert not peer.is_sending(SOON)
