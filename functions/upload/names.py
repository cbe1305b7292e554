"""File names as clients send them, read in whatever form they come."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from multipart import MultipartSegment
from werkzeug.http import parse_options_header

_ENCODED = re.compile(rb"(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})+")


def of_part(segment: MultipartSegment) -> str | None:
    """Return the file name of a form's part, whose header was read as Latin-1; None if it is not a file.

    A name that is percent-encoded throughout is decoded (RFC 7578 section 2), because aiohttp encodes names. One with a
    space, or another character that would be encoded then, has percent signs of its own.
    `filename*` (RFC 8187) counts if it stands alone; forms should not have it (RFC 7578 section 4.2).
    """
    if segment.filename is not None:
        name = segment.filename.encode("latin-1")
        return text(unquote_to_bytes(name) if _ENCODED.fullmatch(name) else name)
    _, parameters = parse_options_header(segment.header("Content-Disposition"))
    return parameters.get("filename")


def of_path(path: str) -> str:
    """Return the last segment of a path, where `curl -T` has the file's name; its bytes as Latin-1 (PEP 3333)."""
    return text(path.rpartition("/")[2].encode("latin-1"))


def text(name: bytes) -> str:
    """Return bytes as text: UTF-8, or else Windows-1252, which old clients use and which includes Latin-1's letters."""
    for encoding in ("utf-8", "windows-1252"):
        try:
            return name.decode(encoding)
        except UnicodeDecodeError:
            continue
    return name.decode("latin-1")
