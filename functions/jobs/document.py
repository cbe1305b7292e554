"""The document of the API (OpenAPI 3.1), which functions/openapi.py has written into a file."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Request, Response

# A client asks each time whether it changed, because a new version answers at the same address.
_HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


def answer(request: Request) -> Response:
    """Answer with the document, or 304 if the client has it already."""
    content, etag = _file()
    known = request.if_none_match.contains_weak(etag)
    response = Response(status=304) if known else Response(content, content_type="application/json")
    response.headers.update(_HEADERS)
    response.set_etag(etag)
    return response


@cache
def _file() -> tuple[bytes, str]:
    content = Path(__file__).with_name("openapi.json").read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:32]
