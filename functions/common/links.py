"""Links: the URLs of functions, and the signed ones in mails that open a download without a token."""

from __future__ import annotations

from urllib.parse import urlencode

from itsdangerous import BadData, URLSafeTimedSerializer

from functions.common.errors import EXPIRED_LINK, Failure
from functions.common.settings import SignedLinks

_PURPOSE = "mp3converter.download"


def to(public_url: str, function: str, **query: str) -> str:
    """Return a function's public URL, with these query parameters."""
    address = public_url.replace("{function}", function)
    return f"{address}?{urlencode(query)}" if query else address


def sign(job_id: str, settings: SignedLinks) -> str:
    """Return a text for a link that downloads this job's MP3 for a limited time."""
    return _serializer(settings).dumps(job_id)


def read(signed: str, settings: SignedLinks) -> str:
    """Return the job id that a link of ours names. Raises Failure(EXPIRED_LINK) for any other text."""
    try:
        return str(_serializer(settings).loads(signed, max_age=int(settings.link_ttl_days * 86_400)))
    except BadData as error:
        raise Failure(EXPIRED_LINK) from error


def _serializer(settings: SignedLinks) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings.link_secret, salt=_PURPOSE)
