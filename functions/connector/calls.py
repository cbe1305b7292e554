"""One HTTP call: no redirect followed, the answer's body ignored, a host that vanished noticed."""

from __future__ import annotations

import socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

CONNECT_TIMEOUT_SECONDS = 10.0

# A call may last for minutes without a byte: only probes tell a busy function from a machine that is gone (a minute).
_PROBES = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]


class _Probing(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, socket_options=[*HTTPConnection.default_socket_options, *_PROBES])


def post(request: requests.PreparedRequest, timeout: float | None) -> int:
    """Send the request and return the status of its answer.

    Raises requests.RequestException when there is none. Each call has a connection of its own: one that was kept
    may be closed by the function at the very moment of its next use, which would look like a failed call.
    """
    with requests.Session() as session:
        session.mount("http://", _Probing())
        session.mount("https://", _Probing())
        limits = (CONNECT_TIMEOUT_SECONDS, timeout)
        with session.send(request, timeout=limits, allow_redirects=False, stream=True) as answer:
            return answer.status_code
