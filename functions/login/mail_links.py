"""The links in letters of login: signed, so that nothing else costs a query, and valid once, for a day."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from itsdangerous import BadData, URLSafeTimedSerializer

from functions.backends.mail_tokens import Purpose
from functions.common import links
from functions.common.errors import USED_LINK, Failure
from functions.common.settings import Links, SignedLinks

_LIFE_SECONDS = 86_400
_RANDOM_BYTES = 20


class MailLinks(NamedTuple):
    """Where the functions are, and the key that signs."""

    links_to: Links
    signed: SignedLinks

    def new(self, purpose: Purpose) -> tuple[str, str]:
        """Return a new token, and the link with it."""
        token = secrets.token_urlsafe(_RANDOM_BYTES)
        text = self._serializer(purpose).dumps(token)
        return token, links.to(self.links_to.public_url, "login", purpose, token=text)

    def read(self, text: str, purpose: Purpose) -> str:
        """Return the token in a link. Raises Failure(USED_LINK)."""
        try:
            return str(self._serializer(purpose).loads(text, max_age=_LIFE_SECONDS))
        except (BadData, UnicodeEncodeError) as error:  # a surrogate stands for a byte that is not UTF-8
            raise Failure(USED_LINK) from error

    def _serializer(self, purpose: Purpose) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.signed.link_secret, salt=f"mp3converter.{purpose}")
