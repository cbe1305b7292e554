"""The mail catcher as a backend."""

import smtplib
import sys
from urllib.parse import urlsplit

from local.backends.backend import Backend
from local.home import Home
from local.ports import HOST
from local.processes.program import BACKENDS, Program
from local.web import answers


def external(url: str) -> Backend:
    """Return the backend of an external relay."""
    return Backend("smtp", url, lambda: smtp_answers(url))


def private(home: Home, ports: dict[str, int]) -> Backend:
    """Return a private mail catcher."""
    url = f"smtp://{HOST}:{ports['smtp']}?tls=none"
    page = mailbox_url(ports)
    program = Program(
        "mailbox",
        BACKENDS,
        [sys.executable, "-m", "local.mailbox"],
        lambda: smtp_answers(url) and answers(f"{page}/healthz"),
        {
            "HOST": HOST,
            "PORT": str(ports["mailbox"]),
            "SMTP_PORT": str(ports["smtp"]),
            "MAIL_FOLDER": str(home.data / "mail"),
        },
    )
    return Backend("smtp", url, program.healthy, [program])


def mailbox_url(ports: dict[str, int]) -> str:
    """Return the URL of the page that shows caught mails."""
    return f"http://{HOST}:{ports['mailbox']}"


def smtp_answers(url: str) -> bool:
    """Tell whether an SMTP server answers at this URL."""
    parts = urlsplit(url)
    kind, usual_port = (smtplib.SMTP_SSL, 465) if parts.scheme == "smtps" else (smtplib.SMTP, 25)
    try:
        with kind(parts.hostname or HOST, parts.port or usual_port, timeout=5) as connection:
            connection.noop()
    except (OSError, smtplib.SMTPException):
        return False
    return True
