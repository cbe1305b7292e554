"""Names that clients send in encodings of their own are read as they were meant."""

from __future__ import annotations

import pytest
from multipart import MultipartSegment

from functions.upload import names


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (b"a.mp4", "a.mp4"),
        ("Grüße.mp4".encode(), "Grüße.mp4"),
        ("Grüße.mp4".encode("latin-1"), "Grüße.mp4"),
        ("5 € Best of….mp4".encode("windows-1252"), "5 € Best of….mp4"),
        (b"\x81\xe9.mp4", "\x81é.mp4"),
        (b"", ""),
    ],
)
def test_encodings(sent: bytes, name: str) -> None:
    assert names.text(sent) == name


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        (b'; filename="a.mp4"', "a.mp4"),
        ('; filename="Grüße.mp4"'.encode("latin-1"), "Grüße.mp4"),
        ('; filename="Grüße.mp4"'.encode(), "Grüße.mp4"),
        (b"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.mp4", "Grüße.mp4"),
        (b"; filename*=utf-8'de'a%20b.mp4", "a b.mp4"),
        (b"; filename*=ISO-8859-1''caf%E9.mp4", "café.mp4"),
        (b"; filename=a.mp4; filename*=UTF-8''b.mp4", "a.mp4"),
        (b'; filename="Gr%C3%BC%C3%9Fe%20aus%20K%c3%b6ln.mp4"', "Grüße aus Köln.mp4"),
        (b'; filename="%E4%BC%9A.mp4"', "会.mp4"),
        (b'; filename="50%25.mp4"', "50%.mp4"),
        (b'; filename="50%25 off.mp4"', "50%25 off.mp4"),
        (b'; filename="50%.mp4"', "50%.mp4"),
        (b'; filename="caf%E9.mp4"', "café.mp4"),
        (b'; filename=""', ""),
        (b"", None),
    ],
)
def test_parts(parameters: bytes, name: str | None) -> None:
    """`filename` is what forms have (RFC 7578 section 4.2); `filename*` alone is taken too.

    A name that is percent-encoded throughout is decoded (section 2): aiohttp sends it so.
    """
    header = (b"form-data; name=file" + parameters).decode("latin-1")
    assert names.of_part(MultipartSegment([("Content-Disposition", header)])) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", ""),
        ("/test.mp4", "test.mp4"),
        ("/a/b.mp4", "b.mp4"),
        ("/caf\xc3\xa9.mp4", "café.mp4"),
        ("/caf\xe9", "café"),
    ],
)
def test_paths(path: str, name: str) -> None:
    """WSGI has their bytes as Latin-1 (PEP 3333)."""
    assert names.of_path(path) == name
