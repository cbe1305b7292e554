"""The SMTP relay: a mail is sent in two steps, because only the first may be repeated.

Everything up to RCPT may be repeated. After the final dot, without an answer, it is unknown whether the relay has
accepted the mail (RFC 1047), and sending it again could deliver it twice.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from functools import cache, cached_property
from urllib.parse import unquote, urlsplit

from functions.backends.replies import Limited, LimitedTLS
from functions.common import config, crash
from functions.common.settings import Relay

_READY_FOR_DATA = 354
_ACCEPTED = range(200, 300)
_ENDS = (2, 4, 5)  # the first digits of replies that say what became of a mail (RFC 5321 section 4.2.1)
# RFC 5321 section 4.2.3: the mailbox does not exist, is not local, or has a name that is not allowed.
_NO_MAILBOX = (550, 551, 553)
# RFC 3463: a permanent failure of the address or the mailbox, but not of the sender's address.
_ENHANCED = re.compile(rb"5\.[0-9]{1,3}\.[0-9]{1,3}\b")
_ENHANCED_RECIPIENT = re.compile(rb"5\.(?:1\.(?![78]\b)|2\.)[0-9]{1,3}\b")
# RFC 5321 section 4.1.2: a dot-string, and a domain, which may be a host of the local network. Rows of an old database
# may hold anything, and so might name several recipients, or commands.
_ADDRESS = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII
)
_ADDRESS_MOST_CHARACTERS = 254
_LINE_WITH_A_DOT = re.compile(rb"(?m)^\.")


class Refused(Exception):
    """The relay rejected the recipient permanently, or the address is not one."""


class Postponed(Exception):
    """The relay did not accept this mail; it may later."""


class Unanswered(Exception):
    """The whole mail was sent, and the relay did not answer."""


class Session:
    """A connection on which the relay has accepted the sender and the recipient."""

    def __init__(self, connection: smtplib.SMTP, final_timeout: float) -> None:
        self._connection = connection
        self._final_timeout = final_timeout

    def hand_over(self, message: EmailMessage) -> None:
        """Send the message; return once the relay has accepted it.

        Raises Refused or Postponed if it was not accepted, Unanswered if that is unknown.
        """
        lines = _LINE_WITH_A_DOT.sub(b"..", message.as_bytes(policy=SMTP))  # RFC 5321 section 4.5.2
        with _translated_errors(), crash.around("mail.data"):
            _expect(self._connection.docmd("DATA"), _READY_FOR_DATA)
            self._connection.send(lines)
        try:
            self._connection.send(b".\r\n")
            crash.point("mail.dot.after")
            if self._connection.sock is not None:
                self._connection.sock.settimeout(self._final_timeout)
            code, words = self._connection.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise Unanswered from error
        if code // 100 not in _ENDS:
            raise Unanswered from smtplib.SMTPResponseException(code, words)
        with _translated_errors():
            _expect((code, words), *_ACCEPTED)


class Mailer:
    """Send mails through the relay in the settings."""

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
        """Connect and go as far as RCPT, which may be repeated. Raises Refused or Postponed."""
        if len(recipient) > _ADDRESS_MOST_CHARACTERS or not _ADDRESS.fullmatch(recipient):
            raise Refused("not an address")
        with _translated_errors():
            crash.point("mail.session.before")
            connection = self._connect()
            _disable_nagle(connection)
        try:
            with _translated_errors():
                self._greet(connection)
                _expect(connection.mail(parseaddr(self.sender)[1]), 250)
            with _translated_errors(about_recipient=True):
                _expect(connection.rcpt(recipient), 250, 251)
                crash.point("mail.session.after")
            yield Session(connection, self._settings.final_timeout)
        finally:
            connection.close()

    def send(self, recipient: str, message: EmailMessage) -> None:
        """Send a mail that may be lost. Raises Refused, Postponed or Unanswered."""
        with self.session(recipient) as session:
            session.hand_over(message)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """The context for all connections: creating it takes 19 ms."""
        return ssl.create_default_context()

    def _connect(self) -> smtplib.SMTP:
        name, timeout = self._settings.ehlo_name or None, self._settings.timeout
        if self._implicit_tls:
            return LimitedTLS(self._host, self._port, name, timeout=timeout, context=self._tls)
        return Limited(self._host, self._port, name, timeout=timeout)

    def _greet(self, connection: smtplib.SMTP) -> None:
        connection.ehlo_or_helo_if_needed()
        if self._starttls:
            connection.starttls(context=self._tls)
            connection.ehlo()
        if self._user:
            connection.login(self._user, self._password)


@contextmanager
def _translated_errors(*, about_recipient: bool = False) -> Iterator[None]:
    """Turn smtplib's errors into Refused or Postponed; `about_recipient` tells if replies are about the address."""
    try:
        yield
    except smtplib.SMTPResponseException as error:
        refused = _refuses_recipient(error, about_recipient=about_recipient)
        raise (Refused if refused else Postponed)(error.smtp_code) from error
    except (smtplib.SMTPException, OSError, ValueError) as error:  # such as a challenge that is not Base64
        raise Postponed from error


def _refuses_recipient(error: smtplib.SMTPResponseException, *, about_recipient: bool) -> bool:
    """Tell whether a reply will not change: anything but a refusal of the recipient is the relay's fault or ours.

    A rejected client, password, sender, policy or line may be mended until the next attempt.
    """
    words = error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode()
    if error.smtp_code < 500:
        return False
    if _ENHANCED.match(words):
        return bool(_ENHANCED_RECIPIENT.match(words))
    return about_recipient and error.smtp_code in _NO_MAILBOX


def _disable_nagle(connection: smtplib.SMTP) -> None:
    """Send the final dot at once: it would wait until the relay acknowledges the mail before it, often 40 ms later."""
    if connection.sock is not None:
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _expect(answer: tuple[int, bytes], *codes: int) -> None:
    code, words = answer
    if code not in codes:
        raise smtplib.SMTPResponseException(code, words)


@cache
def connect() -> Mailer:
    """Return the mailer of the relay in the settings; it connects for each mail."""
    return Mailer(config.load(Relay))
