"""The mail catcher: mails received over SMTP are shown as JSON and as a page."""

import smtplib
import uuid
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
import requests

from tests.local.private import PrivateStack


@pytest.fixture
def mailbox(lazy_stack: PrivateStack, smtp: str) -> str:
    return lazy_stack.mailbox


def send(smtp: str, subject: str, text: str, *recipients: str) -> None:
    """Send a mail to the catcher."""
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = subject, "from@example.org", "header@example.org"
    mail.set_content(text)
    parts = urlsplit(smtp)
    with smtplib.SMTP(parts.hostname or "", parts.port or 0, timeout=10) as connection:
        connection.send_message(mail, "envelope@example.org", list(recipients))


def find(mailbox: str, subject: str) -> dict[str, object]:
    """Return the one mail with this subject."""
    mails = requests.get(f"{mailbox}/messages", timeout=10).json()
    [mail] = [mail for mail in mails if mail["subject"] == subject]
    return dict(mail)


def test_a_mail_is_shown_with_all_its_fields(mailbox: str, smtp: str) -> None:
    subject = f"Grüße {uuid.uuid4()}"
    send(
        smtp, subject, "See https://example.org/a?b=c&d=e\nand http://localhost:1/x .", "a@example.org", "b@example.org"
    )

    mail = find(mailbox, subject)

    assert mail["from"] == "envelope@example.org"
    assert mail["to"] == "a@example.org, b@example.org"
    assert mail["links"] == ["https://example.org/a?b=c&d=e", "http://localhost:1/x"]
    assert "See https" in str(mail["text"])
    assert mail["date"]
    assert requests.get(f"{mailbox}/messages/{mail['id']}", timeout=10).json() == mail


def test_the_newest_mail_comes_first(mailbox: str, smtp: str) -> None:
    subjects = [str(uuid.uuid4()) for _ in range(3)]
    for subject in subjects:
        send(smtp, subject, "text", "a@example.org")

    shown = [mail["subject"] for mail in requests.get(f"{mailbox}/messages", timeout=10).json()]

    assert [subject for subject in shown if subject in subjects] == subjects[::-1]


def test_the_page_shows_markup_as_text_and_links_as_links(mailbox: str, smtp: str) -> None:
    send(smtp, "<script>alert(1)</script>", "<b>bold</b> https://example.org/link", "a@example.org")

    page = requests.get(mailbox, timeout=10).text

    assert "<script>" not in page
    assert "&lt;b&gt;bold" in page
    assert 'href="https://example.org/link"' in page


def test_an_unknown_mail_is_a_404(mailbox: str) -> None:
    assert requests.get(f"{mailbox}/messages/999999", timeout=10).status_code == 404


def test_mails_survive_a_restart(lazy_stack: PrivateStack, mailbox: str, smtp: str) -> None:
    subject = str(uuid.uuid4())
    send(smtp, subject, "text", "a@example.org")
    before = find(mailbox, subject)

    lazy_stack.restart("mailbox")

    assert find(mailbox, subject) == before


def test_a_mail_that_is_too_large_is_refused(smtp: str) -> None:
    with pytest.raises(smtplib.SMTPSenderRefused, match="552"):
        send(smtp, "large", "x" * 70 + ("\n" + "x" * 70) * 20_000, "a@example.org")
