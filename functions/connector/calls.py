"""HTTP calls: redirects are not followed, a response's body is ignored, and a dead host is noticed."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

CONNECT_TIMEOUT_SECONDS = 10.0

# A call may take minutes without a byte; only TCP keep-alive probes tell a busy function from a dead host, in a minute.
_KEEP_ALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]


class _KeepAliveAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, socket_options=[*HTTPConnection.default_socket_options, *_KEEP_ALIVE])


@dataclass(frozen=True)
class Caller:
    """Who calls functions: for how many seconds at most, and with which token, if they ask for one."""

    timeout: float | None
    token: str = field(default="", repr=False)

    def post(self, request: requests.PreparedRequest) -> int:
        """Send the request and return the status of the response.

        Raises requests.RequestException if there is none. Each call has its own connection: the function may close a
        kept one just when it is used again, which would look like a failed call.
        """
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        with requests.Session() as session:
            session.mount("http://", _KeepAliveAdapter())
            session.mount("https://", _KeepAliveAdapter())
            limits = (CONNECT_TIMEOUT_SECONDS, self.timeout)
            with session.send(request, timeout=limits, allow_redirects=False, stream=True) as answer:
                return answer.status_code
