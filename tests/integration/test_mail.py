"""Sending a mail to the real mail catcher; tests/unit has the replies of other relays, and those that misbehave."""

from __future__ import annotations

import uuid
from email.message import EmailMessage
from typing import Any

import pytest

from functions.backends.mail import Mailer
from functions.common.config import load
from functions.common.settings import Links, Relay, SignedLinks
from functions.notify import messages
from tests.clients.web import call
from tests.local.private import PrivateStack


def test_an_accepted_mail_arrives(lazy_stack: PrivateStack, smtp: str) -> None:
    """Its lines are unchanged, those with dots too."""
    subject = str(uuid.uuid4())
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "mp3@example.org", "a@example.org"
    message.set_content("one\n.\n..two\n")
    mailer(smtp).send("a@example.org", message)
    [mail] = caught(lazy_stack, subject=subject)
    assert mail["text"].splitlines() == ["one", ".", "..two"]


@pytest.mark.attack("M1")
@pytest.mark.attack("M2")
@pytest.mark.attack("M5")
@pytest.mark.parametrize(
    "name",
    [
        "a\r\n.\r\nMAIL FROM:<b@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nx\r\n.\r\n",
        "a\n.\nb\r.\rc",
        "a\r\nBcc: b@example.org\r\nSubject: other",
        "😀" * 63,
        "x" * 1000,
        "<script>alert(1)</script>",
    ],
    ids=ascii,
)
def test_a_name_leads_to_one_mail_to_one_recipient(name: str, lazy_stack: PrivateStack, smtp: str) -> None:
    """Whatever the owner called the video."""
    recipient = f"{uuid.uuid4().hex}@example.org"
    before = {mail["id"] for mail in caught(lazy_stack)}
    job = {"_id": str(uuid.uuid4()), "state": "failed", "email": recipient, "filename": name, "mail": {"run": 1}}
    message = messages.compose(
        job | {"error": {"code": "no_audio", "title": "The video has no sound track."}},
        sender="MP3 <mp3@example.org>",
        links_to=load(Links, {}),
        signed=load(SignedLinks, {"LINK_SECRET": "0123456789abcdef0123456789abcdef"}),
    )
    mailer(smtp).send(recipient, message)
    [mail] = [each for each in caught(lazy_stack) if each["id"] not in before]
    assert mail["to"] == recipient
    assert mail["subject"].strip().startswith(f"We could not convert {name[0]}")
    assert mail["text"].splitlines()[-1] == f"Job {job['_id']}, error code no_audio"


def mailer(url: str) -> Mailer:
    return Mailer(Relay(url, "MP3 <mp3@example.org>", "", 5.0, 5.0))


def caught(stack: PrivateStack, **fields: str) -> list[dict[str, Any]]:
    """Return the mails with these fields."""
    mails = call("GET", f"{stack.mailbox}/messages").json()
    return [mail for mail in mails if fields.items() <= mail.items()]
