"""The bearer of a token or an API key."""

from __future__ import annotations

from typing import NamedTuple


class Bearer(NamedTuple):
    """The user who brings a valid one: id and e-mail address, and of a session of the page what lets login renew it."""

    user: str
    email: str
    session: str = ""
