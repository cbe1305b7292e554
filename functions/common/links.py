"""Links: public URLs of functions, and the signed links in mails, which work without a token."""

from __future__ import annotations

from urllib.parse import urlencode

from itsdangerous import BadData, URLSafeTimedSerializer

from functions.common.errors import EXPIRED_LINK, Failure
from functions.common.settings import SignedLinks

_PURPOSE = "mp3converter.download"


def to(public_url: str, function: str, **query: str) -> str:
    """Return the public URL of a function with query parameters."""
    address = public_url.replace("{function}", function)
    return f"{address}?{urlencode(query)}" if query else address


def sign(job_id: str, settings: SignedLinks) -> str:
    """Return the signed text of a link to this job's MP3."""
    return _serializer(settings).dumps(job_id)


def read(signed: str, settings: SignedLinks) -> str:
    """Return the job id in a signed text. Raises Failure(EXPIRED_LINK) if it is not valid or has expired."""
    try:
        return str(_serializer(settings).loads(signed, max_age=int(settings.link_ttl_days * 86_400)))
    except (BadData, UnicodeEncodeError) as error:  # a surrogate stands for a byte that is not UTF-8
        raise Failure(EXPIRED_LINK) from error


def _serializer(settings: SignedLinks) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings.link_secret, salt=_PURPOSE)
