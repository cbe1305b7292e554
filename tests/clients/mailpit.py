"""Read the mails that Mailpit caught, by its HTTP API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.clients.mailbox import Mail
from tests.clients.waiting import until
from tests.clients.web import call

LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True)
class Mailpit:
    """All mails, by the URL of Mailpit."""

    url: str

    def about(self, fid: str, to: str, seconds: float = 30.0) -> Mail:
        """Wait for the mail about a job to an address, and return it."""
        return until(lambda: self._about(fid, to), f"a mail to {to} about {fid}", seconds)[0]

    def _about(self, fid: str, to: str) -> list[Mail]:
        query = urlencode({"query": f'to:"{to}"', "limit": 100})
        found = call("GET", f"{self.url}/api/v1/search?{query}").json()["messages"]
        mails = [self._mail(entry["ID"]) for entry in found]
        return [mail for mail in mails if mail.to == to and fid in mail.text]

    def _mail(self, identity: str) -> Mail:
        told = call("GET", f"{self.url}/api/v1/message/{identity}").json()
        to = ", ".join(person["Address"] for person in told["To"])
        return Mail(to, told["Subject"], told["Text"], tuple(LINK.findall(told["Text"])))
