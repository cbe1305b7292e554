"""Links: public URLs of functions, and the signed texts in mails, which work without a token."""

from __future__ import annotations

import secrets
import time
from typing import Any, NamedTuple
from urllib.parse import urlencode

from itsdangerous import BadData, Signer, TimestampSigner, URLSafeSerializer, URLSafeTimedSerializer

from functions.common.errors import EXPIRED_LINK, INVALID_LINK, NOT_FOUND, Failure
from functions.common.settings import SignedLinks

_DOWNLOAD = "mp3converter.download"
_UNSUBSCRIBE = "mp3converter.unsubscribe"
_FEED = "mp3converter.feed"
_FEED_BYTES = 20  # 160 random bits


class Download(NamedTuple):
    """What a link to an MP3 names; it is valid while the job's `link_version` is this one."""

    job_id: str
    version: int


def to(public_url: str, function: str, path: str = "", /, **query: str) -> str:
    """Return the public URL of a function, or of a path below it, with query parameters."""
    address = public_url.replace("{function}", function)
    if path:
        address = f"{address.rstrip('/')}/{path}"
    return f"{address}?{urlencode(query)}" if query else address


def sign(job_id: str, version: int, settings: SignedLinks, seconds: int | None = None, *, at: int | None = None) -> str:
    """Return the signed text of a link to this job's MP3, valid for so many seconds or as long as one in a mail.

    Its time begins now, or at this one.
    """
    if seconds is not None:
        return str(_downloads(settings, at).dumps([job_id, version, seconds]))
    # Version 0 has the form of the mails that were sent before there were versions.
    return str(_downloads(settings, at).dumps([job_id, version] if version else job_id))


def read(signed: str, settings: SignedLinks) -> Download:
    """Return what a signed text names. Raises Failure(EXPIRED_LINK) if it is not valid or has expired."""
    try:
        most = int(settings.link_ttl_days * 86_400)
        named, signed_at = _downloads(settings).loads(signed, max_age=most, return_timestamp=True)
    except (BadData, UnicodeEncodeError) as error:  # a surrogate stands for a byte that is not UTF-8
        raise Failure(EXPIRED_LINK) from error
    job_id, version, seconds = (*named, most)[:3] if isinstance(named, list) else (named, 0, most)
    if time.time() - signed_at.timestamp() > seconds:
        raise Failure(EXPIRED_LINK)
    return Download(job_id, version)


def sign_unsubscribe(user: str, settings: SignedLinks) -> str:
    """Return the signed text that lets its holder stop the mails of this user; it never expires (RFC 8058)."""
    return str(_unsubscribing(settings).dumps(user))


def read_unsubscribe(signed: str, settings: SignedLinks) -> str:
    """Return the user whose mails the holder of a signed text may stop. Raises Failure(INVALID_LINK)."""
    try:
        return str(_unsubscribing(settings).loads(signed))
    except (BadData, UnicodeEncodeError) as error:
        raise Failure(INVALID_LINK) from error


def new_feed(settings: SignedLinks) -> tuple[str, str]:
    """Return the secret of a new feed, and the text that shows it: signed, so that a wrong one costs no query."""
    secret = secrets.token_urlsafe(_FEED_BYTES)
    return secret, _feeds(settings).sign(secret).decode()


def read_feed(text: str, settings: SignedLinks) -> str:
    """Return the secret in a text. Raises Failure(NOT_FOUND) if it was not signed here."""
    try:
        return _feeds(settings).unsign(text).decode()
    except (BadData, UnicodeError):
        raise Failure(NOT_FOUND) from None  # the error would bring parts of the text into the log


class _SignerAt(TimestampSigner):
    """A signer whose time is a given one."""

    def __init__(self, *args: Any, at: int, **more: Any) -> None:
        super().__init__(*args, **more)
        self._at = at

    def get_timestamp(self) -> int:
        """Return the given time."""
        return self._at


def _downloads(settings: SignedLinks, at: int | None = None) -> URLSafeTimedSerializer:
    if at is None:
        return URLSafeTimedSerializer(settings.link_secret, salt=_DOWNLOAD)
    return URLSafeTimedSerializer(settings.link_secret, salt=_DOWNLOAD, signer=_SignerAt, signer_kwargs={"at": at})


def _feeds(settings: SignedLinks) -> Signer:
    return Signer(settings.link_secret, salt=_FEED)


def _unsubscribing(settings: SignedLinks) -> URLSafeSerializer:
    return URLSafeSerializer(settings.link_secret, salt=_UNSUBSCRIBE)
