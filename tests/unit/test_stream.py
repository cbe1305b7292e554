"""A stream: its bytes are framed as its response began, and it never waits for its client."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from functions.peer import Peer
from functions.stream import Stream

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


@pytest.fixture
def pair() -> Iterator[tuple[Peer, socket.socket]]:
    """A connection: our end and the client's."""
    ours, client = socket.socketpair()
    peer = Peer(ours)
    with client, peer:
        client.settimeout(5)
        yield peer, client


def received(client: socket.socket) -> bytes:
    """Return all bytes until the end."""
    found = b""
    while block := client.recv(65_536):
        found += block
    return found


def test_chunks_go_on_and_end(pair: tuple[Peer, socket.socket]) -> None:
    peer, client = pair
    stream = Stream(peer, CHUNKED + b"5\r\nfirst\r\n" + END)
    assert stream.write(b"0123456789abcdef!")
    assert stream.write()
    stream.close()
    assert not stream.is_open
    assert not stream.write(b"more")
    assert received(client) == CHUNKED + b"5\r\nfirst\r\n11\r\n0123456789abcdef!\r\n" + END


def test_a_client_of_http_1_0_gets_no_chunks(pair: tuple[Peer, socket.socket]) -> None:
    peer, client = pair
    head = HEAD.replace(b"1.1", b"1.0") + b"\r\n"
    stream = Stream(peer, head + b"0\r\n\r\n")
    stream.write(b"more")
    stream.close()
    assert received(client) == head + b"0\r\n\r\n" + b"more"


@pytest.mark.parametrize("begun", [b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\nfour", b""])
def test_an_answer_that_is_no_stream_ends(begun: bytes, pair: tuple[Peer, socket.socket]) -> None:
    peer, client = pair
    stream = Stream(peer, begun)
    assert not stream.is_open
    assert received(client) == begun


def test_a_client_that_left_is_noticed_without_anything_to_say(pair: tuple[Peer, socket.socket]) -> None:
    peer, client = pair
    stream = Stream(peer, CHUNKED + END)
    assert stream.write()
    client.close()
    assert not stream.write()
    assert peer.fileno() == -1


def test_what_a_client_still_sends_is_ignored(pair: tuple[Peer, socket.socket]) -> None:
    peer, client = pair
    stream = Stream(peer, CHUNKED + END)
    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert stream.write(b"x")


def test_a_slow_client_is_waited_for_up_to_a_megabyte(pair: tuple[Peer, socket.socket]) -> None:
    """Nothing of what it takes is lost or mixed up; one that takes nothing at all is dropped."""
    peer, client = pair
    stream = Stream(peer, CHUNKED + END)
    blocks = [bytes([number]) * 100_000 for number in range(8)]
    for block in blocks:
        assert stream.write(block)
    found = b""
    expected = CHUNKED + b"".join(b"186a0\r\n" + block + b"\r\n" for block in blocks)
    while len(found) < len(expected):
        found += client.recv(50_000)
        assert stream.write()
    assert found == expected
    assert any(not stream.write(b"x" * 100_000) for _ in range(30))
    assert peer.fileno() == -1
