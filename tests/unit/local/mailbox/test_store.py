"""The mailbox's store: which mails are kept, and what is shown of each."""

from __future__ import annotations

from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from local.mailbox.store import Store


def add(store: Store, content: bytes) -> Mapping[str, Any]:
    """Store a mail; return what is shown of it."""
    store.add("from@example.org", ["a@example.org", "b@example.org"], content)
    return store.all()[0]


def subjects(store: Store) -> list[str]:
    return [mail["subject"] for mail in store.all()]


def test_a_mail_is_shown_with_its_envelope(tmp_path: Path) -> None:
    """The headers may name other addresses."""
    mail = EmailMessage()
    mail["Subject"], mail["To"], mail["Message-ID"] = "Grüße", "other@example.org", "<1@example.org>"
    mail["Date"] = "Fri, 01 May 2026 12:00:00 +0000"
    mail.set_content("See https://example.org/a?b=c&d=e\nand <http://localhost:1/x> .")
    mail.add_alternative("<p>html</p>", subtype="html")
    shown = dict(add(Store(tmp_path), mail.as_bytes()))
    received = shown.pop("received")
    assert shown == {
        "id": "1",
        "from": "from@example.org",
        "to": "a@example.org, b@example.org",
        "subject": "Grüße",
        "date": "Fri, 01 May 2026 12:00:00 +0000",
        "message_id": "<1@example.org>",
        "text": "See https://example.org/a?b=c&d=e\nand <http://localhost:1/x> .\n",
        "links": ["https://example.org/a?b=c&d=e", "http://localhost:1/x"],
    }
    assert received


def test_only_the_newest_mails_are_kept(tmp_path: Path) -> None:
    store = Store(tmp_path, max_mails=2)
    for number in range(4):
        add(store, f"Subject: {number}\n\ntext".encode())
    assert subjects(store) == ["3", "2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3.eml", "3.json", "4.eml", "4.json"]


def test_mails_are_ordered_by_number(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(12):
        add(store, f"Subject: {number}\n\ntext".encode())
    assert subjects(store) == [str(number) for number in reversed(range(12))]


def test_a_restart_keeps_mails_and_continues_their_numbers(tmp_path: Path) -> None:
    add(Store(tmp_path), b"Subject: first\n\n")
    store = Store(tmp_path)
    assert add(store, b"Subject: second\n\n")["id"] == "2"
    assert subjects(store) == ["second", "first"]


def test_each_mail_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    first = add(store, b"Subject: first\n\n")
    monkeypatch.delattr("email.message_from_bytes")
    assert (store.all(), store.get(1)) == ([first], first)


def test_numbers_are_not_reused_after_clearing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    add(store, b"Subject: first\n\n")
    store.clear()
    assert (store.all(), store.get(1), list(tmp_path.iterdir())) == ([], None, [])
    assert add(store, b"Subject: second\n\n")["id"] == "2"
    assert store.get(1) is None


def test_an_unfinished_mail_is_not_shown(tmp_path: Path) -> None:
    """As a killed process leaves it."""
    (tmp_path / "1.json").write_text("{}")
    (tmp_path / "1.new").write_bytes(b"Subject: cut")
    store = Store(tmp_path)
    assert store.all() == []
    assert add(store, b"Subject: whole\n\n")["subject"] == "whole"


@pytest.mark.parametrize(
    ("content", "subject", "text"),
    [
        (b"", "", ""),
        (b"\xff\xfe", "", "\ufffd\ufffd"),
        (b"Subject: \xff\n\n\xff", "\ufffd", "\ufffd"),
        (b"Subject: x\nContent-Type: text/plain; charset=nonsense\n\nplain", "x", "plain"),
        (b"Subject: x\nMessage-ID: <<<\nDate: nonsense\n\nplain", "x", "plain"),
        (b"Subject: x\nContent-Type: image/png\n\nbytes", "x", ""),
        (b"Subject: x\nContent-Type: multipart/mixed; boundary=x\n\n", "x", ""),
        (b"Subject: x\nContent-Type: text/html\n\n<b>x</b>", "x", "<b>x</b>"),
    ],
)
def test_a_malformed_mail_does_not_hide_the_others(content: bytes, subject: str, text: str, tmp_path: Path) -> None:
    store = Store(tmp_path)
    add(store, b"Subject: other\n\n")
    shown = add(store, content)
    assert (shown["subject"], shown["text"].strip()) == (subject, text)
    assert subjects(store) == [subject, "other"]
