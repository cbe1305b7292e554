"""The receivers of webhooks, anywhere on the internet: none of them can be made to stand for a server of ours.

A name is looked up once, and what it stands for is checked; the connection is made to that very address, and TLS
verifies the name. Libraries that guard requests look at addresses too, but leave an answer all the time it wants.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import ssl
import time
from functools import cache
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from functions.common import config, crash, webhooks
from functions.common.settings import Webhooks
from functions.common.webhooks import Address, Target

_MOST_ADDRESSES = 4  # of one name
_HEAD_MOST_BYTES = 16_384
_BLOCK_BYTES = 4096


class Forbidden(Exception):
    """The host stands for an address that webhooks may not be sent to."""


class Unanswered(Exception):
    """There was no answer; there may be one later."""


class Sender:
    """Send webhooks as the settings allow."""

    def __init__(self, settings: Webhooks) -> None:
        self._settings = settings
        self._tls = ssl.create_default_context()  # takes 19 ms

    def post(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """Send a webhook and return the status of the answer, of which nothing else is read.

        Raises Forbidden, or Unanswered if the receiver may have got it or not.
        """
        deadline = time.monotonic() + self._settings.timeout
        try:
            target = webhooks.read(url, self._settings)
        except ValueError as error:  # the settings were others when it was asked for
            raise Forbidden from error
        addresses = self._addresses(target)  # the resolver has limits of its own
        try:
            with crash.around("webhook"):
                return self._send(target, addresses, headers, body, deadline)
        except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
            raise Unanswered from error

    def _addresses(self, target: Target) -> list[Address]:
        """Look the host up; of several addresses each must be allowed."""
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Unanswered from error
        addresses = [ipaddress.ip_address(place[4][0]) for place in found]
        if not all(webhooks.may_reach(address, target, self._settings) for address in addresses):
            raise Forbidden
        return addresses[:_MOST_ADDRESSES]

    def _send(
        self, target: Target, addresses: list[Address], headers: dict[str, str], body: bytes, deadline: float
    ) -> int:
        connection = self._connected(target, addresses, deadline)
        try:
            connection.response_class = _limited(deadline)
            if connection.sock is not None:
                connection.sock.settimeout(_left(deadline))
            fields = {"Host": target.authority, "Connection": "close", **headers}
            connection.request("POST", target.path, body, fields, preload_content=False)
            return connection.getresponse().status
        finally:
            connection.close()

    def _connected(self, target: Target, addresses: list[Address], deadline: float) -> HTTPConnection:
        """Connect to the first address that answers."""
        for address in addresses[:-1]:
            try:
                return self._connect(target, address, deadline)
            except (OSError, HTTPError):
                continue
        return self._connect(target, addresses[-1], deadline)

    def _connect(self, target: Target, address: Address, deadline: float) -> HTTPConnection:
        timeout = _left(deadline)
        connection = HTTPConnection(str(address), target.port, timeout=timeout)
        if target.scheme == "https":
            connection = _Encrypted(
                str(address), target.port, timeout=timeout, server_hostname=target.host, ssl_context=self._tls
            )
            connection.deadline = deadline
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        return connection


class _Encrypted(HTTPSConnection):
    """A connection whose handshake has only what connecting has left of the time."""

    deadline = 0.0

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        sock.settimeout(_left(self.deadline))
        return sock


class _Head(io.RawIOBase):
    """What a receiver sends, in place of a file, whose every byte would have the time for an answer."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline
        self._left = _HEAD_MOST_BYTES

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes."""
        if self._left <= 0:
            raise OSError("the answer's head is too long")
        self._sock.settimeout(_left(self._deadline))
        count = self._sock.recv_into(memoryview(buffer)[: min(_BLOCK_BYTES, self._left)])
        self._left -= count
        return count


def _limited(deadline: float) -> type[http.client.HTTPResponse]:
    """Return a response that ends at a time, and whose head is at most so long."""

    class Limited(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
            super().__init__(sock, *arguments, **named)
            self.fp.close()
            self.fp = io.BufferedReader(_Head(sock, deadline))

    return Limited


def _left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the webhook takes too long")
    return seconds


@cache
def connect() -> Sender:
    """Return the sender with the settings; it connects for each webhook."""
    return Sender(config.load(Webhooks))
