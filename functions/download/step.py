"""The step: find the job that the user may download, and answer with its MP3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from flask import Request, Response

from functions.backends import files, jobs, valid_keys
from functions.backends.files import Reader
from functions.common import access, chapters, conditions, errors, filenames, ids, links, web
from functions.common.bearer import Bearer
from functions.common.config import Loaded
from functions.common.errors import Failure
from functions.common.settings import Periods, SignedLinks
from functions.common.waveform import Waveform
from functions.download import delivery, digests, multipart, picture, ranges
from functions.download.ranges import Span

_MP3 = "audio/mpeg"
_ARCHIVE = "archive"
_COVER = "cover"
_HEADERS = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}


def answer(request: Request, loaded: Loaded) -> Response:
    """Answer with the requested MP3, parts of it, its waveform, chapters or picture, or a zip of several."""
    query, path = web.query(request), request.path.strip("/")
    if _ARCHIVE in query or path == _ARCHIVE:
        return _archive(request, loaded, query.get(_ARCHIVE) or query.get("ids", ""))
    job = _job(request, loaded)
    access.about(job=job["_id"])
    for name, stored in _BESIDE.items():
        if name in query or path == name:
            return stored(request, job, delivery.open_mp3(job, files.connect()))
    web.transfer(job["owner"])
    reader, timeout = delivery.open_mp3(job, files.connect()), loaded[Periods].download_timeout
    if _COVER in query or path == _COVER:
        return _cover(request, job, reader, timeout)
    return _file(request, job, reader, timeout)


def _peaks(request: Request, job: Any, reader: Reader) -> Response:
    stored = reader.metadata.get("waveform")
    if stored is None:
        raise Failure(errors.NO_PEAKS)

    def content() -> Response:
        return web.answer(Waveform.from_document(stored).as_audiowaveform())

    return _unless_known(request, f"{job['mp3']['file_id']}.peaks", reader, {}, content)


def _chapters(request: Request, job: Any, reader: Reader) -> Response:
    stored = reader.metadata.get("chapters")
    if stored is None:
        raise Failure(errors.NO_CHAPTERS)

    def content() -> Response:
        response = web.answer(chapters.as_json(stored))
        response.content_type = chapters.CONTENT_TYPE
        return response

    return _unless_known(request, f"{job['mp3']['file_id']}.chapters", reader, {}, content)


def _cover(request: Request, job: Any, reader: Reader, timeout: float) -> Response:
    """Answer with the picture, which is a part of the MP3."""
    found = picture.place(job["mp3"], reader)
    if found is None:
        raise Failure(errors.NO_COVER)
    start, stop = found

    def content() -> Response:
        response = Response(content_type=delivery.JPEG)
        if request.method == "GET":
            response.response = delivery.started(delivery.jpeg(reader.blocks(start, stop)), timeout)
        response.content_length = stop - start
        return response

    return _unless_known(request, f"{job['mp3']['file_id']}.cover", reader, {}, content)


def _archive(request: Request, loaded: Loaded, names: str) -> Response:
    # Its library loads with the first archive, because few first answers are one.
    from functions.download import archive

    user = _bearer(request, loaded).user
    zipped = archive.zipped(archive.wanted(names), user, jobs.connect(), files.connect())
    web.transfer(user)
    headers = _HEADERS | {"Accept-Ranges": "none", "Content-Disposition": _disposition("attachment", "mp3s.zip")}
    response = Response(status=200, headers=headers, content_type="application/zip")
    if request.method == "GET":
        response.response = delivery.started(iter(zipped), loaded[Periods].download_timeout)
    response.content_length = len(zipped)
    return response


def _bearer(request: Request, loaded: Loaded) -> Bearer:
    return web.caller(request, loaded, valid_keys.verify)


def _job(request: Request, loaded: Loaded) -> Any:
    query = web.query(request)
    if signed := query.get("link"):
        return _linked(links.read(signed, loaded[SignedLinks]))
    bearer = _bearer(request, loaded)
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


def _file(request: Request, job: Any, reader: Reader, timeout: float) -> Response:
    etag = job["mp3"]["file_id"]
    inline = web.query(request).get("inline") == "1"
    disposition = _disposition("inline" if inline else "attachment", filenames.of_mp3(job["filename"]))
    headers = {"Accept-Ranges": "bytes", "Content-Disposition": disposition}

    def content() -> Response:
        response = _content(request, reader, etag, timeout)
        response.headers.update(digests.headers(request, job["mp3"]["sha256"]))
        return response

    return _unless_known(request, etag, reader, headers, content)


def _unless_known(
    request: Request, etag: str, reader: Reader, headers: dict[str, str], content: Callable[[], Response]
) -> Response:
    """Return the content, or 304 if the client has it already, with what lets it ask so next time."""
    known = conditions.is_known(request, etag, reader.stored_at)
    response = Response(status=304) if known else content()
    response.headers.update(_HEADERS | headers)
    response.set_etag(etag)
    response.last_modified = reader.stored_at
    return response


def _content(request: Request, reader: Reader, etag: str, timeout: float) -> Response:
    """Return the whole file, or the parts that the request asks for."""
    spans = ranges.requested(request, reader.length, etag, reader.stored_at)
    response = Response(status=206 if spans else 200, content_type=_MP3)
    if len(spans) > 1:
        parts = multipart.Parts(reader, spans, _MP3)
        response.content_type, length, blocks = parts.content_type, parts.length, parts.blocks()
    else:
        span = spans[0] if spans else Span(0, reader.length)
        length, blocks = span.stop - span.start, reader.blocks(*span)
        if spans:
            response.headers["Content-Range"] = span.of(reader.length)
    if request.method == "GET":
        response.response = delivery.started(blocks, timeout)
    response.content_length = length
    return response


def _disposition(kind: str, name: str) -> str:
    """Return the Content-Disposition with a file name (RFC 6266 section 4.3, RFC 8187)."""
    return f"{kind}; filename=\"{filenames.plain(name)}\"; filename*=UTF-8''{quote(name, safe='')}"


_BESIDE = {"peaks": _peaks, "chapters": _chapters}  # what is stored beside an MP3
