"""Where the service is: below one address (a gateway, or OpenFaaS), or on a host for each function (Knative)."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from mp3converter_client import program
from mp3converter_client.failure import Wrong

FUNCTION = "{function}"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Address(NamedTuple):
    """The address of every function, with {function} where its name belongs."""

    template: str

    @property
    def shown(self) -> str:
        """Return the address as a person gives it."""
        return self.template.removesuffix(f"/{FUNCTION}")

    def url(self, function: str, *path: str) -> str:
        """Return the URL of a path of a function."""
        root = self.template.replace(FUNCTION, function)
        return "/".join([root, *(quote(each, safe="") for each in path)])

    def is_readable_on_the_way(self) -> bool:
        """Tell whether what is sent there crosses a network without encryption."""
        parts = urlsplit(self.template)
        return parts.scheme == "http" and not _is_here(parts.hostname or "")


def parse(text: str) -> Address:
    """Return the address that a person means. Raises Wrong."""
    text = text.strip()
    if not _SCHEME.match(text):
        scheme = "http" if _is_here(urlsplit(f"//{text}").hostname or "") else "https"
        text = f"{scheme}://{text}"
    text = text.rstrip("/")
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or parts.query or parts.fragment or re.search(r"[\s\x00-\x1f]", text):
        raise Wrong(f"This is no address of a service: {text}. Give one such as https://mp3.example.com")
    if parts.username is not None:
        raise Wrong(f"Leave the user and the password out of the address: {program.name} login asks for them.")
    if FUNCTION not in text:
        return Address(f"{text}/{FUNCTION}")
    if text.count(FUNCTION) > 1:
        raise Wrong(f"{FUNCTION} may stand in the address once.")
    return Address(text)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
