"""The step: answer with a file, in a coding that the browser accepts, and with what the page forbids itself."""

from __future__ import annotations

from flask import Request, Response

from functions.common import errors, web
from functions.common.config import Loaded
from functions.common.errors import Failure
from functions.page import about, built, headers
from functions.page.built import IDENTITY, File

# What else has an address, as a page's own file name is nothing that people should see.
_PAGES = {"": "index.html", "api": "api.html"}
_ABOUT = "about.json"
_CODINGS = ("br", "gzip", IDENTITY)  # the smallest first
_SOMEWHAT = 0.001  # the least weight that there is (RFC 9110 section 12.4.2)


def answer(request: Request, loaded: Loaded) -> Response:
    """Answer with the file at the path of a request, or 304 if the browser has it already."""
    web.allow(request, "GET", "HEAD")
    path = "/".join(part for part in request.path.split("/") if part)
    if path == _ABOUT:
        return about.answer(loaded)
    file = built.files().get(_PAGES.get(path, path))
    if file is None:
        raise Failure(errors.NOT_FOUND)
    coding = _coding(request, file)
    etag = f"{file.sha256[:32]}-{coding}"
    if request.if_none_match.contains_weak(etag):
        response = Response(status=304)
    else:
        response = Response(built.content(file, coding), content_type=file.type)
    if coding != IDENTITY and response.status_code == 200:
        response.headers["Content-Encoding"] = coding
    response.headers.update(headers.of(file))
    response.vary.add("Accept-Encoding")
    response.set_etag(etag)
    return response


def _coding(request: Request, file: File) -> str:
    """Return the coding that the browser likes best; of several, the smallest."""
    accepted = request.accept_encodings
    # Identity is accepted without being named (RFC 9110 section 12.5.3).
    weights = {coding: accepted.quality(coding) for coding in _CODINGS if coding in file.codings}
    weights[IDENTITY] = weights[IDENTITY] or _SOMEWHAT
    return max(weights, key=weights.__getitem__)
