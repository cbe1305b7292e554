"""When a request has arrived as far as a thread needs it."""

from __future__ import annotations

import pytest

from functions.arrival import Arrival

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SMALL = b"POST / HTTP/1.1\r\nContent-Length: 10\r\nHost: x\r\n\r\n"
LARGE = b"POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
EXPECTING = b"POST / HTTP/1.1\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"


READY = [
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
]


def arrived(data: bytes, step: int = 1_000_000) -> Arrival:
    """Return a request whose bytes arrive in pieces, until a thread can take it."""
    arrival = Arrival()
    for start in range(0, len(data), step):
        if arrival.is_complete:
            break
        arrival.add(data[start : start + step])
    return arrival


def arrivals(requests: list[bytes]) -> list[tuple[bytes, int]]:
    """Return each request with the sizes of pieces in which it arrives; a large one does not arrive in tiny pieces."""
    return [(data, step) for data in requests for step in (1_000_000, 100, 3, 2, 1) if step > 3 or len(data) < 1000]


@pytest.mark.parametrize(("data", "step"), arrivals(READY), ids=range(len(arrivals(READY))))
def test_a_thread_can_take_it(data: bytes, step: int) -> None:
    """However the bytes arrive, and not before they all have."""
    arrival = arrived(data, step)
    assert arrival.is_complete
    assert data.startswith(arrival.data)
    assert arrived(bytes(arrival.data)).is_complete
    assert step > 1 or not arrived(bytes(arrival.data[:-1])).is_complete


WAITING = [
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
]


@pytest.mark.parametrize(("data", "step"), arrivals(WAITING), ids=range(len(arrivals(WAITING))))
def test_the_loop_waits_for_more(data: bytes, step: int) -> None:
    assert not arrived(data, step).is_complete


def test_the_next_request_begins_anew() -> None:
    arrival = arrived(SMALL + b"0123456789")
    assert arrival.take() == SMALL + b"0123456789"
    assert not arrival.is_complete
    arrival.add(GET[:-1])
    assert not arrival.is_complete
    arrival.add(GET[-1:])
    assert arrival.is_complete
