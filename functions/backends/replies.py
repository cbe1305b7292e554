"""The replies of an SMTP relay: each has a limit of time and of length, whatever the relay sends."""

from __future__ import annotations

import smtplib
import time
from socket import socket

_MOST_BYTES = 16_384  # RFC 5321 section 4.5.3.1.5 allows 512 bytes a line, and EHLO has some lines
_BLOCK_BYTES = 4096


class _Replies:
    """The lines that a relay sends, in place of a file, whose every byte would have the time for a reply."""

    def __init__(self, sock: socket) -> None:
        self._sock = sock
        self._deadline = 0.0
        self._left = 0
        self.ahead = b""

    def begin(self, seconds: float) -> None:
        """Begin a reply that has this time."""
        self._deadline = time.monotonic() + seconds
        self._left = _MOST_BYTES

    def readline(self, limit: int) -> bytes:
        """Return a line of at most this length."""
        while b"\n" not in self.ahead and len(self.ahead) < limit:
            block = self._receive()
            if not block:
                break
            self.ahead += block
        end = min(self.ahead.find(b"\n") + 1 or limit, limit)
        line, self.ahead = self.ahead[:end], self.ahead[end:]
        self._left -= len(line)
        if self._left < 0:
            raise OSError("the reply is too long")
        return line

    def _receive(self) -> bytes:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the reply takes too long")
        self._sock.settimeout(seconds)
        return self._sock.recv(_BLOCK_BYTES)

    def close(self) -> None:
        """Do nothing: the connection is closed by itself."""


class Limited(smtplib.SMTP):
    """A connection whose replies are limited; the socket's timeout is for a whole reply."""

    def getreply(self) -> tuple[int, bytes]:
        """Read a reply."""
        sock = self.sock
        if sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        if self.file is None:
            self.file = _Replies(sock)
        seconds = sock.gettimeout() or 0.0
        self.file.begin(seconds)
        reply = super().getreply()
        sock.settimeout(seconds)
        return reply

    def docmd(self, cmd: str, args: str = "") -> tuple[int, bytes]:
        """Send a command and read its reply. Nothing may follow the one to STARTTLS: it could be taken as encrypted."""
        reply = super().docmd(cmd, args)
        if cmd.upper() == "STARTTLS" and self.file and self.file.ahead:
            raise smtplib.SMTPException("more than a reply to STARTTLS")
        return reply


class LimitedTLS(Limited, smtplib.SMTP_SSL):
    """The same with TLS from the start."""
