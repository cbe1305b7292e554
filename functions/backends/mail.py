"""The SMTP relay: one mail in two steps, so that its sender knows what may be repeated and what may not.

Up to RCPT everything may be repeated. Once the final dot is on its way, a missing answer leaves it open whether the
mail was taken (RFC 1047), and sending again could deliver it twice.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from functools import cache
from urllib.parse import unquote, urlsplit

from functions.common import config, crash
from functions.common.settings import Relay

_READY_FOR_DATA = 354
_PERMANENT = range(500, 600)
_LINE_WITH_A_DOT = re.compile(rb"(?m)^\.")


class Refused(Exception):
    """The relay will never take this mail (5xx)."""


class Postponed(Exception):
    """The relay cannot take this mail now, and has not taken it."""


class Unanswered(Exception):
    """The relay was sent the whole mail and gave no answer."""


class Session:
    """A connection on which the sender and the recipient have been accepted."""

    def __init__(self, connection: smtplib.SMTP, final_timeout: float) -> None:
        self._connection = connection
        self._final_timeout = final_timeout

    def hand_over(self, letter: EmailMessage) -> None:
        """Send the mail itself; return when the relay has taken it.

        Raises Refused or Postponed when it was not taken, Unanswered when nobody can tell.
        """
        lines = _LINE_WITH_A_DOT.sub(b"..", letter.as_bytes(policy=SMTP))  # RFC 5321 section 4.5.2
        with _repeatable(), crash.around("mail.data"):
            _expect(self._connection.docmd("DATA"), _READY_FOR_DATA)
            self._connection.send(lines)
        try:
            self._connection.send(b".\r\n")
            crash.point("mail.dot.after")
            if self._connection.sock is not None:
                self._connection.sock.settimeout(self._final_timeout)
            answer = self._connection.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise Unanswered from error
        with _repeatable():
            _expect(answer, 250)


class Mailer:
    """Send mails through the relay that the settings name."""

    def __init__(self, settings: Relay) -> None:
        parts = urlsplit(settings.url)
        self.sender = settings.sender
        self._settings = settings
        self._host = parts.hostname or ""
        self._port = parts.port or (465 if parts.scheme == "smtps" else 587)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._implicit_tls = parts.scheme == "smtps"
        self._starttls = config.requires_tls(settings.url, "SMTP_URL") and not self._implicit_tls

    @contextmanager
    def session(self, recipient: str) -> Iterator[Session]:
        """Open a connection and go as far as RCPT, all of it repeatable. Raises Refused or Postponed."""
        with _repeatable():
            crash.point("mail.session.before")
            connection = self._connect()
        try:
            with _repeatable():
                self._greet(connection)
                _expect(connection.mail(parseaddr(self.sender)[1]), 250)
                _expect(connection.rcpt(recipient), 250, 251)
                crash.point("mail.session.after")
            yield Session(connection, self._settings.final_timeout)
        finally:
            connection.close()

    def _connect(self) -> smtplib.SMTP:
        timeout = self._settings.timeout
        if self._implicit_tls:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=timeout, context=ssl.create_default_context())
        return smtplib.SMTP(self._host, self._port, timeout=timeout)

    def _greet(self, connection: smtplib.SMTP) -> None:
        connection.ehlo_or_helo_if_needed()
        if self._starttls:
            connection.starttls(context=ssl.create_default_context())
            connection.ehlo()
        if self._user:
            connection.login(self._user, self._password)


@contextmanager
def _repeatable() -> Iterator[None]:
    """Sort the driver's errors into those that may pass and those that will not."""
    try:
        yield
    except smtplib.SMTPResponseException as error:
        # A wrong password or a missing extension is our trouble, not the mail's: it may be mended meanwhile.
        ours = isinstance(error, smtplib.SMTPAuthenticationError)
        raise (Refused if error.smtp_code in _PERMANENT and not ours else Postponed)(error.smtp_code) from error
    except (smtplib.SMTPException, OSError) as error:
        raise Postponed from error


def _expect(answer: tuple[int, bytes], *codes: int) -> None:
    code, words = answer
    if code not in codes:
        raise smtplib.SMTPResponseException(code, words)


@cache
def connect() -> Mailer:
    """Return the mailer that the settings name; it opens a connection for each mail."""
    return Mailer(config.load(Relay))
