"""download: an id or a signed link in, the MP3 out, whole or in ranges (functions/README.md, The steps)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import functions_framework
from flask import Request, Response

from functions.common import config, errors, ids, web
from functions.common.errors import Failure
from functions.common.settings import Mongo, Periods, SignedLinks, Verifying

if TYPE_CHECKING:
    from functions.backends.files import Reader
    from functions.common.tokens import Verifier

_VERIFYING = config.load(Verifying)
_SIGNED = config.load(SignedLinks)
_PERIODS = config.load(Periods)
config.load(Mongo)


@functions_framework.http
def download(request: Request) -> Response:
    """Answer with the MP3 of `?fid=ID` or `/ID` to its owner, or of `?link=SIGNED` to anybody."""
    web.allow(request, "GET", "HEAD")
    job = _job(request)
    # The drivers load with the first download, not with the process.
    from functions.backends import files
    from functions.download import delivery

    reader = delivery.open_mp3(job, files.connect())
    return _file(request, reader, delivery.filename(job), etag=job["mp3"]["file_id"])


def _job(request: Request) -> Any:
    from functions.backends import jobs
    from functions.common import links

    if signed := request.args.get("link"):
        return jobs.connect().find(links.read(signed, _SIGNED)) or _missing()
    bearer = web.bearer(request, _verifier())
    job_id = request.args.get("fid") or request.path.strip("/")
    if not ids.is_id(job_id):
        _missing()
    return jobs.connect().find_owned(job_id, bearer.user) or _missing()


def _missing() -> Any:
    raise Failure(errors.NOT_FOUND)


def _file(request: Request, reader: Reader, name: str, *, etag: str) -> Response:
    from functions.download import delivery, ranges

    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": _disposition(name),
    }
    if request.if_none_match.contains(etag):
        response = Response(status=304, headers=headers)
    else:
        span = ranges.wanted(request, reader.length, etag)
        blocks: Iterable[bytes] = ()
        if request.method == "GET":
            blocks = delivery.begun(reader.blocks(span.start, span.stop), _PERIODS.download_timeout)
        response = Response(blocks, 206 if span.partial else 200, headers, content_type="audio/mpeg")
        response.content_length = span.stop - span.start
        if span.partial:
            response.headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{reader.length}"
    response.set_etag(etag)
    response.last_modified = reader.stored_at
    return response


def _disposition(name: str) -> str:
    """Return the header that saves a file under its name (RFC 6266 section 4.3, RFC 8187)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = "".join(char for char in plain if char not in '"\\%') or "sound.mp3"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


@cache
def _verifier() -> Verifier:
    from functions.common.tokens import Verifier

    return Verifier(_VERIFYING.public_keys)
