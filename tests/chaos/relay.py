"""A mail relay of moods: it refuses some recipients as it is told, and passes on what it has taken."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.chaos.proxy import HOST, free_port

PATIENCE_SECONDS = 10


class Moody:
    """Answers RCPT with one line after the other, then takes everything."""

    def __init__(self, answers: Sequence[str], onwards: str) -> None:
        self._answers = list(answers)
        self._onwards = urlsplit(onwards)
        self.asked = 0

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Refuse or accept a recipient."""
        self.asked += 1
        if self._answers:
            return self._answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Take a mail, and say so once the next relay has it."""
        with smtplib.SMTP(
            self._onwards.hostname or HOST, self._onwards.port or 25, timeout=PATIENCE_SECONDS
        ) as next_one:
            next_one.sendmail(envelope.mail_from or "", envelope.rcpt_tos, envelope.content or b"")
        return "250 OK"


@contextmanager
def relay(answers: Sequence[str], onwards: str) -> Iterator[tuple[Moody, tuple[str, int]]]:
    """Yield a relay and where it listens; `onwards` is the URL of the server that gets its mails."""
    moody = Moody(answers, onwards)
    controller = Controller(moody, hostname=HOST, port=free_port())
    controller.start()
    try:
        yield moody, (HOST, controller.port)
    finally:
        controller.stop()
