"""Webhooks: which addresses they may be sent to, and the secret that signs those of a user (Standard Webhooks 1.0)."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import re
from collections.abc import Callable
from typing import NamedTuple

from functions.common.settings import SignedLinks, WebhookTargets
from functions.common.values import Document

_MOST_CHARACTERS = 1000
# RFC 3986 without what programs read differently: users, fragments, and hosts in other forms than names and addresses.
_URL = re.compile(
    r"(https?)://(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?))(?::([0-9]{1,5}))?"
    r"((?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?)"
)
_PORTS = {"http": 80, "https": 443}
_SECRET = b"mp3converter.webhook:"

# What IANA gives to networks; IPv4-mapped addresses, NAT64 and all others are outside.
_GLOBAL = ipaddress.ip_network("2000::/3")
# Global for some versions of Python, or global but no receiver's: IANA's own, 6to4, Teredo, documentation, and services
# that a cloud has at a public number for each of its machines.
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/32", "2002::/16", "2001:db8::/32", "3fff::/20"),
    )
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressOf = Callable[[Document], str | None]  # where the webhook of a job goes, None if there shall be none


class Target(NamedTuple):
    """Where a webhook goes; `host` is a name or an address, `path` begins with a slash and has the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host field."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def allowed(targets: WebhookTargets) -> str:
    """Return in words what a webhook's address must be."""
    ports = " or ".join(map(str, targets.ports))
    return f"an https address of at most {_MOST_CHARACTERS} characters, on port {ports}, without a user or a fragment"


def read(url: str, targets: WebhookTargets) -> Target:
    """Return where a webhook goes. Raises ValueError if the address shows that it may not.

    The names of hosts are not looked up: what they stand for is checked with each connection.
    """
    found = _URL.fullmatch(url) if len(url) <= _MOST_CHARACTERS else None
    if found is None:
        raise ValueError("not an address")
    scheme, numeric, name, port, path = found.groups()
    target = Target(scheme, numeric or name, int(port or _PORTS[scheme]), path if path[:1] == "/" else f"/{path}")
    address = _address(target.host)
    if (numeric and address is None) or not 1 <= target.port <= 65_535:
        raise ValueError("not an address")
    own = bool(targets.networks) if address is None else _is_own(address, targets)
    public = address is None or is_public(address)
    if not own and not (public and scheme == "https" and target.port in targets.ports):
        raise ValueError("not allowed")
    return target


def may_reach(address: Address, target: Target, targets: WebhookTargets) -> bool:
    """Tell whether a webhook may be sent to this address, for which the target's host stands at the moment."""
    if _is_own(address, targets):
        return True
    return is_public(address) and target.scheme == "https" and target.port in targets.ports


def is_public(address: Address) -> bool:
    """Tell whether anyone on the internet may reach an address, and nothing of ours can be there."""
    if not address.is_global or address.is_multicast or any(address in network for network in _NEVER):
        return False
    return address.version == 4 or address in _GLOBAL


def secret(user: str, settings: SignedLinks) -> str:
    """Return the secret that signs the webhooks of a user; others cannot be found from it."""
    # One block of HKDF-Expand (RFC 5869 section 2.3); what is random needs no extraction (section 3.3).
    key = hmac.digest(settings.link_secret.encode(), _SECRET + user.encode() + b"\x01", "sha256")
    return f"whsec_{base64.b64encode(key).decode()}"


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_own(address: Address, targets: WebhookTargets) -> bool:
    return any(address in network for network in targets.networks)
