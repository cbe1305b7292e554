"""When a request has arrived as far as a thread needs it."""

from __future__ import annotations

import pytest

from functions.worker import has_arrived

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SMALL = b"POST / HTTP/1.1\r\nContent-Length: 10\r\nHost: x\r\n\r\n"
LARGE = b"POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
EXPECTING = b"POST / HTTP/1.1\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [
        GET,
        GET + b"more",
        b"GET / HTTP/1.1\n\n",
        SMALL + b"0123456789",
        SMALL + b"0123456789GET",
        LARGE,
        EXPECTING,
        CHUNKED + b"0\r\n\r\n",
        CHUNKED + b"3\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"3\r\nabc\r\n000;x=y\r\nTrailer: x\r\n\r\n",
        CHUNKED + b"ffff\r\n" + bytes(65_537),
        b"POST / HTTP/1.1\r\nContent-Length: ten\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"x" * 65_537,
    ],
)
def test_a_thread_can_take_it(data: bytes) -> None:
    assert has_arrived(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        GET[:-1],
        b"GET / HTTP/1.1\r\nExpect: 100-continue\r\n",
        SMALL,
        SMALL + b"012345678",
        CHUNKED,
        CHUNKED + b"3\r\nabc\r\n",
        CHUNKED + b"3\r\nabc\r\n0\r\n",
        CHUNKED + b"10\r\nabc\r\n",
        b"x" * 65_536,
    ],
)
def test_the_loop_waits_for_more(data: bytes) -> None:
    assert not has_arrived(data)
    assert not any(has_arrived(data[:length]) for length in range(0, len(data), max(1, len(data) // 100)))
