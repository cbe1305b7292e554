"""The step: find the job that the user may download, and answer with its MP3."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from flask import Request, Response

from functions.backends import files, jobs, valid_keys
from functions.backends.files import Reader
from functions.common import access, errors, filenames, ids, links, web
from functions.common.config import Loaded
from functions.common.errors import Failure
from functions.common.settings import Periods, SignedLinks, Verifying
from functions.download import conditions, delivery, ranges


def answer(request: Request, loaded: Loaded) -> Response:
    """Answer with the requested MP3 or a range of it."""
    job = _job(request, loaded)
    access.about(job=job["_id"])
    web.transfer(job["owner"])
    reader = delivery.open_mp3(job, files.connect())
    timeout = loaded[Periods].download_timeout
    return _file(request, reader, filenames.of_mp3(job["filename"]), etag=job["mp3"]["file_id"], timeout=timeout)


def _job(request: Request, loaded: Loaded) -> Any:
    query = web.query(request)
    if signed := query.get("link"):
        return _linked(links.read(signed, loaded[SignedLinks]))
    bearer = web.bearer(request, web.verifier(loaded[Verifying].public_keys), valid_keys.verify)
    job_id = query.get("fid") or request.path.strip("/")
    if not ids.is_id(job_id):
        _missing()
    return jobs.connect().find_owned(job_id, bearer.user) or _missing()


def _linked(link: links.Download) -> Any:
    job = jobs.connect().find(link.job_id) or _missing()
    if link.version != job.get("link_version", 0):
        raise Failure(errors.EXPIRED_LINK)
    return job


def _missing() -> Any:
    raise Failure(errors.NOT_FOUND)


def _file(request: Request, reader: Reader, name: str, *, etag: str, timeout: float) -> Response:
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": _disposition(name),
    }
    if conditions.is_known(request, etag, reader.stored_at):
        response = Response(status=304, headers=headers)
    else:
        span = ranges.requested(request, reader.length, etag, reader.stored_at)
        blocks: Iterable[bytes] = ()
        if request.method == "GET":
            blocks = delivery.started(reader.blocks(span.start, span.stop), timeout)
        response = Response(blocks, 206 if span.partial else 200, headers, content_type="audio/mpeg")
        response.content_length = span.stop - span.start
        if span.partial:
            response.headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{reader.length}"
    response.set_etag(etag)
    response.last_modified = reader.stored_at
    return response


def _disposition(name: str) -> str:
    """Return the Content-Disposition with a file name (RFC 6266 section 4.3, RFC 8187)."""
    return f"attachment; filename=\"{filenames.plain(name)}\"; filename*=UTF-8''{quote(name, safe='')}"
