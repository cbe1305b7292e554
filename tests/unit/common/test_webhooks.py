"""Webhooks: which addresses may be asked for, which may be reached, and the secret of each user."""

from __future__ import annotations

import base64
import ipaddress

import pytest

from functions.common import webhooks
from functions.common.config import ConfigError, load
from functions.common.settings import SignedLinks, WebhookTargets
from functions.common.webhooks import Target

DEFAULT = load(WebhookTargets, {})
OWN = load(WebhookTargets, {"WEBHOOK_NETWORKS": "10.1.0.0/16, fd00:1::/32", "WEBHOOK_PORTS": "443 8443"})
SECRET = "0123456789abcdef0123456789abcdef"

PRIVATE = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.1.2.3 169.254.0.1
169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1
198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16
:: ::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1 ::127.0.0.1 ::8.8.8.8 64:ff9b::7f00:1 64:ff9b::8.8.8.8
64:ff9b:1::1 100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:db8::1 2002:7f00:1:: 2002:808:808:: 3fff::1
4000::1 5f00::1 fc00::1 fd00:ec2::254 fdff::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1
""".split()  # noqa: SIM905
PUBLIC = "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 2606:4700::1111 2a00:1450::1".split()  # noqa: SIM905


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_may_be_ours_is_not_public(address: str) -> None:
    assert not webhooks.is_public(ipaddress.ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(ValueError, match=r"not (an address|allowed)"):
        webhooks.read(f"https://{host}/", DEFAULT)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address(address: str) -> None:
    assert webhooks.is_public(ipaddress.ip_address(address))
    host = f"[{address}]" if ":" in address else address
    assert webhooks.read(f"https://{host}/", DEFAULT) == Target("https", address, 443, "/")


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("https://example.org", Target("https", "example.org", 443, "/"), "example.org"),
        ("https://example.org:443/a?b=c", Target("https", "example.org", 443, "/a?b=c"), "example.org"),
        ("https://a-b.example.org.?x", Target("https", "a-b.example.org.", 443, "/?x"), "a-b.example.org."),
        ("https://xn--bcher-kva.example/%20", Target("https", "xn--bcher-kva.example", 443, "/%20"), None),
        ("https://[2606:4700::1111]/x", Target("https", "2606:4700::1111", 443, "/x"), "[2606:4700::1111]"),
    ],
)
def test_where_a_webhook_goes(url: str, target: Target, authority: str | None) -> None:
    assert webhooks.read(url, DEFAULT) == target
    assert target.authority == (authority or target.host)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "//example.org/",
        "https:/example.org/",
        "https://",
        "https:///x",
        "http://example.org/",
        "HTTPS://example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "https://example.org:80/",
        "https://example.org:22/",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://example.org:/",
        "https://user@example.org/",
        "https://user:word@example.org/",
        "https://example.org@10.0.0.1/",
        "https://example.org/#here",
        "https://example.org\\@10.0.0.1/",
        "https://example.org /",
        "https://example.org/a b",
        "https://example.org/\r\nHost: x",
        "https://example.org/\n",
        "https://example.org/\x00",
        "https://example..org/",
        "https://.example.org/",
        "https://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example/",
        "https://example.org/\N{LATIN SMALL LETTER E WITH ACUTE}",
        "https://[::1/",
        "https://[example.org]/",
        "https://[1.1.1.1]x/",
        "https://2606:4700::1111/",
        f"https://example.org/{'x' * 1000}",
    ],
)
def test_what_no_webhook_may_be(url: str) -> None:
    with pytest.raises(ValueError, match=r"not (an address|allowed)"):
        webhooks.read(url, DEFAULT)


def test_own_networks_are_reached_by_http_and_at_any_port() -> None:
    inside, outside = webhooks.read("http://10.1.2.3:8080/", OWN), webhooks.read("https://example.org:8443/", OWN)
    by_name = webhooks.read("http://receiver:8080/", OWN)  # who knows what it stands for
    for target, address, reached in (
        (inside, "10.1.2.3", True),
        (inside, "10.2.2.3", False),
        (outside, "1.1.1.1", True),
        (outside, "10.1.0.1", True),
        (outside, "10.0.0.1", False),
        (by_name, "10.1.0.1", True),
        (by_name, "fd00:1::5", True),
        (by_name, "fd00:2::5", False),
        (by_name, "1.1.1.1", False),
        (Target("https", "example.org", 22, "/"), "1.1.1.1", False),
    ):
        assert webhooks.may_reach(ipaddress.ip_address(address), target, OWN) is reached, (target, address)
    for url in ("http://10.2.0.1/", "http://1.1.1.1/", "https://1.1.1.1:9443/"):
        with pytest.raises(ValueError, match="not allowed"):
            webhooks.read(url, OWN)


def test_what_is_allowed_is_said_with_the_ports() -> None:
    assert webhooks.allowed(OWN).startswith("an https address of at most 1000 characters, on port 443 or 8443,")


@pytest.mark.parametrize("ports", ["0", "65536", "https", "-1", "4 x"])
def test_wrong_ports(ports: str) -> None:
    with pytest.raises(ConfigError, match="WEBHOOK_PORTS must be ports from 1 to 65535"):
        load(WebhookTargets, {"WEBHOOK_PORTS": ports})


@pytest.mark.parametrize("networks", ["10.1.0.0/99", "10.1.2.3/16", "localhost", "::1/x"])
def test_wrong_networks(networks: str) -> None:
    with pytest.raises(ConfigError, match="WEBHOOK_NETWORKS must be networks such as"):
        load(WebhookTargets, {"WEBHOOK_NETWORKS": networks})


def test_each_user_has_a_secret() -> None:
    """It is what Standard Webhooks wants: 24 to 64 bytes in Base64 behind whsec_; and the same for ever."""
    signed = load(SignedLinks, {"LINK_SECRET": SECRET})
    other = load(SignedLinks, {"LINK_SECRET": SECRET[::-1]})
    found = {webhooks.secret(user, settings) for user in ("1", "11", "2") for settings in (signed, other)}
    assert len(found) == 6
    assert webhooks.secret("1", signed) == webhooks.secret("1", load(SignedLinks, {"LINK_SECRET": SECRET}))
    assert all(each.startswith("whsec_") and len(base64.b64decode(each[6:])) == 32 for each in found)
