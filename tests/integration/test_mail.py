"""Sending a mail to the real mail catcher; tests/unit has the replies of other relays."""

from __future__ import annotations

import uuid
from email.message import EmailMessage

from functions.backends.mail import Mailer
from functions.common.settings import Relay
from tests.clients.web import call
from tests.local.private import PrivateStack


def test_an_accepted_mail_arrives(lazy_stack: PrivateStack, smtp: str) -> None:
    """Its lines are unchanged, those with dots too."""
    subject = str(uuid.uuid4())
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "mp3@example.org", "a@example.org"
    message.set_content("one\n.\n..two\n")
    mailer = Mailer(Relay(smtp, "MP3 <mp3@example.org>", "", 5.0, 5.0))
    with mailer.session("a@example.org") as session:
        session.hand_over(message)
    [text] = [
        mail["text"] for mail in call("GET", f"{lazy_stack.mailbox}/messages").json() if mail["subject"] == subject
    ]
    assert text.splitlines() == ["one", ".", "..two"]
