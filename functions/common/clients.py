"""Clients: from which address a request comes, as far as proxies of ours can tell."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network

from flask import Request

_IPV6_NETWORK_BITS = 64  # what a customer gets at least, so its owner may send from any address in it
_HEADER = "X-Forwarded-For"


def address(request: Request, proxies: int) -> str:
    """Return the client's IPv4 address or IPv6 network; `proxies` is how many of ours added to X-Forwarded-For.

    What the client itself sent in the header stands to the left of that and does not count. If there is less than the
    proxies add, or no address, it is the peer's.
    """
    peer = request.remote_addr or ""
    # Werkzeug's ProxyFix would read quoted strings: an open quote hides all that proxies add to it.
    added = ",".join(request.headers.getlist(_HEADER)).split(",")
    named = added[-proxies].strip() if 0 < proxies <= len(added) else ""
    return _network(named) or _network(peer) or peer


def _network(text: str) -> str:
    """Return the address or network in a text that may name a port, or "" if there is none."""
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        return str(IPv4Address(host))
    except AddressValueError:
        pass
    try:
        found = IPv6Address(host.partition("%")[0])
    except AddressValueError:
        return ""
    return str(found.ipv4_mapped or IPv6Network((int(found), _IPV6_NETWORK_BITS), strict=False))
