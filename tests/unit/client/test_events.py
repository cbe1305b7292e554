"""Server-sent events, however they are cut into pieces."""

from __future__ import annotations

import pytest

from mp3converter_client.events import Event, Parser

STREAM = (
    '\ufeff: hello\nretry: 1500\nid: 7\n\nid: 8.a\ndata: {"a":\ndata: 1}\n\n: still here\n\n'
    "event: deleted\r\nid:9\r\ndata: ü\r\n\r\ndata:x\rid: 1\0\r\rdata: not complete\n"
).encode()
EVENTS = [Event("message", '{"a":\n1}', "8.a"), Event("deleted", "ü", "9"), Event("message", "x", "9")]


@pytest.mark.parametrize("length", [1, 2, 3, 7, 50, len(STREAM)])
def test_a_stream_in_pieces(length: int) -> None:
    parser = Parser()
    pieces = [STREAM[begin : begin + length] for begin in range(0, len(STREAM), length)]
    assert [event for piece in pieces for event in parser.feed(piece)] == EVENTS
    assert (parser.retry, parser.last) == (1.5, "9")


def test_an_id_without_data_is_what_a_client_comes_back_with() -> None:
    parser = Parser("5")
    assert list(parser.feed(b"retry: soon\nid: 6\n")) == []
    assert parser.last == "5", "the block is not complete"
    assert list(parser.feed(b"\n")) == []
    assert (parser.last, parser.retry) == ("6", 2.0)
