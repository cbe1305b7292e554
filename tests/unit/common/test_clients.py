"""The client's address: only what trusted proxies added to X-Forwarded-For counts."""

from __future__ import annotations

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from functions.common import clients

PEER = "198.51.100.9"


def address(proxies: int, *forwarded: str, peer: str = PEER, **headers: str) -> str:
    fields = [("X-Forwarded-For", each) for each in forwarded] + list(headers.items())
    environ = EnvironBuilder("/", headers=fields).get_environ() | {"REMOTE_ADDR": peer}
    return clients.address(Request(environ), proxies)


@pytest.mark.attack("S11")
@pytest.mark.parametrize(
    "made_up", ["", "203.0.113.5", "203.0.113.5, 203.0.113.6", '"203.0.113.5', '"', ",,", "unknown"]
)
@pytest.mark.parametrize("proxies", [0, 1, 2, 3])
def test_what_a_client_sends_changes_nothing(made_up: str, proxies: int) -> None:
    """An open quote does not hide what proxies add to it."""
    added = ["192.0.2.1", "10.0.0.2", "10.0.0.3"][:proxies]
    seen = address(proxies, ", ".join(filter(None, [made_up, *added])))
    assert seen == ("192.0.2.1" if proxies else PEER)
    assert address(proxies, *filter(None, [made_up]), *added) == seen


@pytest.mark.attack("S11")
@pytest.mark.parametrize("name", ["Forwarded", "X-Real-IP", "X-Client-IP", "CF-Connecting-IP", "True-Client-IP"])
def test_no_other_header_counts(name: str) -> None:
    value = "for=203.0.113.5" if name == "Forwarded" else "203.0.113.5"
    assert address(0, **{name: value}) == PEER
    assert address(1, "192.0.2.1", **{name: value}) == "192.0.2.1"


@pytest.mark.parametrize(
    "forwarded", [[], [""], ["10.0.0.2"], ["unknown, 10.0.0.2"], ["_hidden,10.0.0.2"], [",10.0.0.2"]]
)
def test_without_an_address_it_is_the_peers(forwarded: list[str]) -> None:
    assert address(2, *forwarded) == PEER


@pytest.mark.parametrize(
    ("named", "known_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:51234", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:443", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]:443", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_forms_of_an_address(named: str, known_as: str) -> None:
    """Who has an IPv6 network may send from any address in it."""
    assert address(1, named) == known_as
    assert address(0, peer=named) == known_as


def test_a_peer_without_an_address() -> None:
    assert address(0, peer="") == ""
