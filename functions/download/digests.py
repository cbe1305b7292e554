"""Digests: the SHA-256 of a whole file, by which a client can check what it put together from ranges (RFC 9530)."""

from __future__ import annotations

import base64

from flask import Request
from werkzeug.http import parse_dict_header


def headers(request: Request, sha256: str) -> dict[str, str]:
    """Return Repr-Digest for a SHA-256 in hexadecimal, unless Want-Repr-Digest declines that algorithm."""
    if parse_dict_header(request.headers.get("Want-Repr-Digest", "")).get("sha-256") == "0":
        return {}
    return {"Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"}
