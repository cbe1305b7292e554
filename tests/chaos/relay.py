"""A mail relay that rejects some recipients, and forwards the mails that it accepts."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.chaos.proxy import HOST
from tests.local.commands import free_port

TIMEOUT_SECONDS = 10


class Relay:
    """Answers the first RCPT commands with the given lines, then accepts all."""

    def __init__(self, answers: Sequence[str], onwards: str) -> None:
        self._answers = list(answers)
        self._onwards = urlsplit(onwards)
        self.rcpt_count = 0

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Reject or accept a recipient."""
        self.rcpt_count += 1
        if self._answers:
            return self._answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Accept a mail once the next relay has accepted it."""
        with smtplib.SMTP(
            self._onwards.hostname or HOST, self._onwards.port or 25, timeout=TIMEOUT_SECONDS
        ) as next_one:
            next_one.sendmail(envelope.mail_from or "", envelope.rcpt_tos, envelope.content or b"")
        return "250 OK"


@contextmanager
def relay(answers: Sequence[str], onwards: str) -> Iterator[tuple[Relay, tuple[str, int]]]:
    """Yield a relay and its address; `onwards` is the URL of the server that it forwards to."""
    relay_server = Relay(answers, onwards)
    controller = Controller(relay_server, hostname=HOST, port=free_port())
    controller.start()
    try:
        yield relay_server, (HOST, controller.port)
    finally:
        controller.stop()
