"""Conditions: 304 for a version that the client has, 412 if it wants another (RFC 9110 section 13)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from functions.common.conditions import is_known
from functions.common.errors import PRECONDITION_FAILED, Failure

STORED = datetime(2015, 10, 21, 7, 28, 0, 123_000, UTC)
BEFORE, THEN, LATER = (f"Wed, 21 Oct 2015 07:{time} GMT" for time in ("27:59", "28:00", "28:01"))
TAG = "tag.1"


def make_request(headers: dict[str, str]) -> Request:
    return Request(EnvironBuilder(headers=list(headers.items())).get_environ())


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({}, False),
        ({"If-None-Match": '"tag.1"'}, True),
        ({"If-None-Match": 'W/"tag.1"'}, True),
        ({"If-None-Match": '"tag.2", "tag.1"'}, True),
        ({"If-None-Match": "*"}, True),
        ({"If-None-Match": '"tag.2"'}, False),
        ({"If-None-Match": ""}, False),
        ({"If-Modified-Since": THEN}, True),
        ({"If-Modified-Since": LATER}, True),
        ({"If-Modified-Since": BEFORE}, False),
        ({"If-Modified-Since": "yesterday"}, False),
        ({"If-Modified-Since": LATER, "If-None-Match": '"tag.2"'}, False),
        ({"If-Modified-Since": BEFORE, "If-None-Match": '"tag.1"'}, True),
        ({"If-Match": '"tag.1"'}, False),
        ({"If-Match": "*"}, False),
        ({"If-Match": "*", "If-None-Match": "*"}, True),
        ({"If-Match": '"tag.1"', "If-Unmodified-Since": BEFORE}, False),
        ({"If-Unmodified-Since": THEN}, False),
        ({"If-Unmodified-Since": "yesterday"}, False),
    ],
)
def test_versions_that_the_client_has(headers: dict[str, str], known: bool) -> None:
    assert is_known(make_request(headers), TAG, STORED) == known


@pytest.mark.parametrize(
    "headers", [{"If-Match": '"tag.2"'}, {"If-Match": 'W/"tag.1"'}, {"If-Unmodified-Since": BEFORE}]
)
def test_another_version_is_wanted(headers: dict[str, str]) -> None:
    """If-Match compares strongly: a tag that was weakened on the way may be of other bytes."""
    with pytest.raises(Failure) as failure:
        is_known(make_request(headers), TAG, STORED)
    assert failure.value.kind is PRECONDITION_FAILED
