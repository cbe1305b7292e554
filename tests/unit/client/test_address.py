"""Addresses: each form that a service may be reached by."""

from __future__ import annotations

import pytest

from mp3converter_client import address
from mp3converter_client.failure import Wrong


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://localhost:8080", "http://localhost:8080/jobs/a%2Fb"),
        ("localhost:8080/", "http://localhost:8080/jobs/a%2Fb"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/jobs/a%2Fb"),
        ("[::1]:8080", "http://[::1]:8080/jobs/a%2Fb"),
        ("mp3.example.com", "https://mp3.example.com/jobs/a%2Fb"),
        (" https://mp3.example.com/api/ ", "https://mp3.example.com/api/jobs/a%2Fb"),
        ("http://gateway:8080/function", "http://gateway:8080/function/jobs/a%2Fb"),
        ("https://gw.example.com/function/{function}.mp3", "https://gw.example.com/function/jobs.mp3/a%2Fb"),
        ("http://{function}.default.example.com", "http://jobs.default.example.com/a%2Fb"),
        ("{function}.default.example.com", "https://jobs.default.example.com/a%2Fb"),
    ],
)
def test_the_address_of_a_function(given: str, expected: str) -> None:
    place = address.parse(given)
    assert place.url("jobs", "a/b") == expected
    assert place.url("jobs") == expected.removesuffix("/a%2Fb")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("ftp://mp3.example.com", "no address"),
        ("http://", "no address"),
        ("", "no address"),
        ("http://host:port", "no address"),
        ("http://mp3.example.com?x=1", "no address"),
        ("http://mp3.example.com/a b", "no address"),
        ("http://ada:secret@mp3.example.com", "out of the address"),
        ("http://{function}.{function}.example.com", "once"),
    ],
)
def test_what_is_no_address(given: str, why: str) -> None:
    with pytest.raises(Wrong, match=why) as caught:
        address.parse(given)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "readable"),
    [
        ("http://localhost:8080", False),
        ("http://[::1]", False),
        ("https://mp3.example.com", False),
        ("http://mp3.example.com", True),
        ("http://{function}.example.com", True),
        ("http://192.0.2.1", True),
    ],
)
def test_whether_a_password_can_be_read_on_the_way(given: str, readable: bool) -> None:
    assert address.parse(given).is_readable_on_the_way() is readable
