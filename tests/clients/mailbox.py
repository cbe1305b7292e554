"""Read the mails in the local mailbox."""

from __future__ import annotations

from dataclasses import dataclass

from tests.clients.waiting import until
from tests.clients.web import call


@dataclass(frozen=True)
class Mail:
    """One mail."""

    to: str
    subject: str
    text: str
    links: tuple[str, ...]

    @property
    def link(self) -> str:
        """Return the link to the MP3, or an empty string."""
        return next((link for link in self.links if "link=" in link), "")


@dataclass(frozen=True)
class Mailbox:
    """All mails of the mailbox at a URL."""

    url: str

    def about(self, fid: str, to: str, seconds: float = 30.0) -> Mail:
        """Wait for the mail about a job to an address, and return it."""
        return until(lambda: self._about(fid, to), f"a mail to {to} about {fid}", seconds)[0]

    def count(self, fid: str, to: str) -> int:
        """Count the mails about a job to an address."""
        return len(self._about(fid, to))

    def clear(self) -> None:
        """Drop all mails."""
        assert call("DELETE", f"{self.url.rstrip('/')}/messages").status in (200, 204)

    def all(self) -> list[Mail]:
        """Return all mails, newest first."""
        caught = call("GET", f"{self.url.rstrip('/')}/messages").json()
        return [Mail(mail["to"], mail["subject"], mail["text"], tuple(mail["links"])) for mail in caught]

    def _about(self, fid: str, to: str) -> list[Mail]:
        return [mail for mail in self.all() if mail.to == to and fid in mail.text]
