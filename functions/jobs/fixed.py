"""Fixed answers, which are files of this folder: the document of the API, which functions/openapi.py has written, and
the picture of all podcasts."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Request, Response

from functions.jobs import routes

_TYPES = {routes.OPENAPI: "application/json", routes.PICTURE: "image/png"}
# A client asks each time whether it changed, because a new version answers at the same address.
_HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


def answer(action: str, request: Request) -> Response:
    """Answer with the file, or 304 if the client has it already."""
    content, etag = _file(routes.FIXED[action])
    known = request.if_none_match.contains_weak(etag)
    response = Response(status=304) if known else Response(content, content_type=_TYPES[action])
    response.headers.update(_HEADERS)
    response.set_etag(etag)
    return response


@cache
def _file(name: str) -> tuple[bytes, str]:
    content = Path(__file__).with_name(name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:32]
