"""Ranges: which bytes of a file are returned, most of them of 100 bytes (RFC 9110, section 14)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from functions.common.errors import RANGE_NOT_SATISFIABLE, Failure
from functions.download.ranges import Span, requested

LENGTH = 100
TAG = "tag.1"
STORED = datetime(2015, 10, 21, 7, 28, 0, 123_000, UTC)
WHOLE: list[Span] = []


def make_request(method: str = "GET", **headers: str) -> Request:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(EnvironBuilder(method=method, headers=named).get_environ())


def test_without_a_range_the_whole_file_is_returned() -> None:
    assert requested(make_request(), LENGTH, TAG, STORED) == WHOLE


@pytest.mark.attack("D3")
@pytest.mark.parametrize(
    ("value", "start", "stop"),
    [
        ("bytes=0-", 0, 100),
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=0-100", 0, 100),
        ("bytes=0-99999999999999999999", 0, 100),
        ("bytes=99-", 99, 100),
        ("bytes=99-99", 99, 100),
        ("bytes=98-200", 98, 100),
        ("bytes=10-19", 10, 20),
        ("bytes=-1", 99, 100),
        ("bytes=-99", 1, 100),
        ("bytes=-100", 0, 100),
        ("bytes=-101", 0, 100),
        ("BYTES=10-19", 10, 20),
    ],
)
def test_a_range_gives_its_bytes(value: str, start: int, stop: int) -> None:
    assert requested(make_request(Range=value), LENGTH, TAG, STORED) == [Span(start, stop)]


@pytest.mark.attack("D3")
@pytest.mark.parametrize(
    "value",
    [
        "bytes=100-",
        "bytes=100-100",
        "bytes=101-200",
        "bytes=99999999999999999999-",
        f"bytes={'9' * 5000}-",
        "bytes=-0",
        "Bytes = -00",
        "bytes=-0,100-",
    ],
)
def test_a_range_after_the_end_is_refused_with_the_length(value: str) -> None:
    with pytest.raises(Failure) as failure:
        requested(make_request(Range=value), LENGTH, TAG, STORED)
    assert failure.value.kind is RANGE_NOT_SATISFIABLE
    assert failure.value.headers == {"Content-Range": "bytes */100"}


@pytest.mark.parametrize("value", ["bytes=0-", "bytes=-1"])
def test_an_empty_file_has_no_range(value: str) -> None:
    with pytest.raises(Failure) as failure:
        requested(make_request(Range=value), 0, TAG, STORED)
    assert failure.value.headers == {"Content-Range": "bytes */0"}


@pytest.mark.attack("D3")
@pytest.mark.parametrize(
    "value",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=--1",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=0x1-2",
        "bytes=1_0-20",
        "bytes=1-2-3",
        "bytes=5-2",
        "0-5",
        "items=0-5",
        "items=-0",
        "bytes=0-1,5-2",
        "bytes=0-1,x",
        "bytes=0-1,bytes=5-6",
        "bytes=0-1;5-6",
        "bytes=,",
        "items=0-1,5-6",
        "bytes=" + ",".join(["0-"] * 17),
        "bytes=" + ",".join(["0-"] * 1000),
    ],
)
def test_other_ranges_are_ignored(value: str) -> None:
    assert requested(make_request(Range=value), LENGTH, TAG, STORED) == WHOLE


@pytest.mark.attack("D3")
@pytest.mark.parametrize(
    ("value", "spans"),
    [
        ("0-99,500-599", [(0, 100), (500, 600)]),
        ("500-599, 0-99", [(500, 600), (0, 100)]),
        ("0-0,-1", [(0, 1), (999, 1000)]),
        ("0-99,2000-,500-", [(0, 100), (500, 1000)]),
        (" 0-99\t,,500-599,", [(0, 100), (500, 600)]),
        (",".join(f"{50 * n}-{50 * n}" for n in range(16)), [(0, 751)]),
    ],
)
def test_several_ranges_are_returned_in_their_order(value: str, spans: list[tuple[int, int]]) -> None:
    assert requested(make_request(Range=f"bytes={value}"), 1000, TAG, STORED) == spans


@pytest.mark.attack("D3")
@pytest.mark.parametrize(
    ("value", "spans"),
    [
        ("0-1", [(0, 2)]),
        ("0-1,", [(0, 2)]),
        ("-0,0-1", [(0, 2)]),
        ("0-99,100-199", [(0, 200)]),
        ("0-99,228-299", [(0, 300)]),
        ("0-99,229-299", [(0, 100), (229, 300)]),
        ("0-,0-", [(0, 1000)]),
        ("100-199,150-249,0-50", [(0, 250)]),
        ("900-949,0-99,400-499,90-410", [(900, 950), (0, 500)]),
        ("0-9,400-409,800-809,0-", [(0, 1000)]),
    ],
)
def test_ranges_that_overlap_or_nearly_touch_are_one(value: str, spans: list[tuple[int, int]]) -> None:
    """So that no byte is sent twice, and no part is smaller than its head."""
    assert requested(make_request(Range=f"bytes={value}"), 1000, TAG, STORED) == spans


@pytest.mark.parametrize("value", ["bytes=0-9", "bytes=100-", "bytes=-0"])
def test_head_ignores_ranges(value: str) -> None:
    assert requested(make_request("HEAD", Range=value), LENGTH, TAG, STORED) == WHOLE


@pytest.mark.parametrize(
    ("condition", "same"),
    [
        ('"tag.1"', True),
        ('"tag.2"', False),
        ('W/"tag.1"', False),
        ("tag.1", False),
        ('"tag.1", "tag.2"', False),
        ("*", False),
        ("", False),
        ("Wed, 21 Oct 2015 07:28:00 GMT", True),
        ("Wed, 21 Oct 2015 07:28:01 GMT", False),
        ("Wed, 21 Oct 2015 07:27:59 GMT", False),
    ],
)
def test_a_range_of_another_version_is_ignored(condition: str, same: bool) -> None:
    span = requested(make_request(Range="bytes=10-19", If_Range=condition), LENGTH, TAG, STORED)
    assert span == ([Span(10, 20)] if same else WHOLE)


@pytest.mark.parametrize("value", ["bytes=100-", "bytes=-0"])
def test_a_range_of_another_version_is_never_refused(value: str) -> None:
    assert requested(make_request(Range=value, If_Range='"tag.2"'), LENGTH, TAG, STORED) == WHOLE
