"""Caught mails, one file each; the oldest are dropped if there are too many."""

import email
import email.policy
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

MAX_MAILS = 1000
LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True)
class Envelope:
    """A mail's SMTP envelope, which may differ from its headers."""

    sender: str
    recipients: list[str]
    received: str


class Store:
    """A folder of mails, numbered from oldest to newest."""

    def __init__(self, folder: Path, max_mails: int = MAX_MAILS) -> None:
        self._folder = folder
        self._max_mails = max_mails
        self._lock = threading.Lock()
        self._parsed: dict[int, Mapping[str, Any]] = {}  # parsing one takes a millisecond, and mails never change
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._next = max(self._numbers(), default=0) + 1

    def add(self, sender: str, recipients: list[str], content: bytes) -> None:
        """Store a mail."""
        envelope = Envelope(sender, recipients, datetime.now(UTC).isoformat(timespec="seconds"))
        with self._lock:
            path = self._folder / f"{self._next}.eml"
            path.with_suffix(".json").write_text(json.dumps(asdict(envelope)))
            # Write the mail last, by renaming it: every mail that exists has its envelope.
            unfinished = path.with_suffix(".new")
            unfinished.write_bytes(content)
            unfinished.rename(path)
            self._next += 1
            for number in self._numbers()[: -self._max_mails]:
                self._remove(number)

    def all(self) -> list[Mapping[str, Any]]:
        """Return all mails, the newest first."""
        return [mail for number in reversed(self._numbers()) if (mail := self.get(number))]

    def get(self, number: int) -> Mapping[str, Any] | None:
        """Return one mail."""
        with self._lock:
            if number not in self._parsed:
                path = self._folder / f"{number}.eml"
                try:
                    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                    envelope = Envelope(**json.loads(path.with_suffix(".json").read_text()))
                except FileNotFoundError:
                    return None
                self._parsed[number] = _described(number, message, envelope)
            return self._parsed[number]

    def clear(self) -> None:
        """Delete all mails; their numbers are not reused before a restart."""
        with self._lock:
            for number in self._numbers():
                self._remove(number)

    def _numbers(self) -> list[int]:
        return sorted(int(path.stem) for path in self._folder.glob("*.eml"))

    def _remove(self, number: int) -> None:
        self._parsed.pop(number, None)
        for suffix in (".eml", ".json"):
            (self._folder / f"{number}{suffix}").unlink(missing_ok=True)


def _described(number: int, message: EmailMessage, envelope: Envelope) -> Mapping[str, Any]:
    text = _text(message)
    return {
        "id": str(number),
        "from": envelope.sender,
        "to": ", ".join(envelope.recipients),
        "subject": _header(message, "Subject"),
        "date": _header(message, "Date") or envelope.received,
        "received": envelope.received,
        "message_id": _header(message, "Message-ID"),
        "text": text,
        "links": LINK.findall(text),
    }


# One malformed mail must not hide the others: email raises LookupError for some malformed headers and charsets.
def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, ""))
    except LookupError:
        return ""


def _text(message: EmailMessage) -> str:
    body = message.get_body(("plain", "html"))
    if body is None:
        return ""
    try:
        return str(body.get_content())
    except LookupError:
        return bytes(body.get_payload(decode=True)).decode(errors="replace")
