"""The body of an upload: names are cleaned, parts are counted, and what is no media is refused."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from functions.common import errors
from functions.common.config import load
from functions.common.errors import Failure
from functions.common.settings import Limits
from functions.upload import body, sniffing

LIMITS = load(Limits, {"UPLOAD_MAX_BYTES": "1000"})


def form(*parts: bytes, end: bytes = b"--B--\r\n", length: int | None = None) -> Request:
    whole = b"".join(b"--B\r\n" + part + b"\r\n" for part in parts) + end
    environ = EnvironBuilder(method="POST", input_stream=io.BytesIO(whole)).get_environ()
    # gunicorn ends the stream itself: a client that dies looks like one that is done.
    environ |= {"CONTENT_LENGTH": str(length or len(whole)), "wsgi.input_terminated": True}
    environ["CONTENT_TYPE"] = "multipart/form-data; boundary=B"
    return Request(environ)


def part(content: bytes, name: str = "file", filename: str | None = "a.mp4") -> bytes:
    named = f'; filename="{filename}"' if filename is not None else ""
    return f'Content-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content


def taken(request: Request) -> tuple[str, bytes]:
    video = body.open_video(request, LIMITS)
    return video.filename, b"".join(video.blocks)


def test_one_file_among_fields() -> None:
    """The file is found wherever it stands in the form."""
    request = form(part(b"x", "title", None), part(b"12345"), part(b"y", "note", None))
    assert taken(request) == ("a.mp4", b"12345")


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (form(), errors.MISSING_FILE),
        (form(part(b"x", "other")), errors.MISSING_FILE),
        (form(part(b"x", filename=None)), errors.MISSING_FILE),
        (form(part(b"1"), part(b"2")), errors.TOO_MANY_FILES),
        (form(part(b"1"), part(b"2", "second")), errors.TOO_MANY_FILES),
        (form(part(b"x" * 1001)), errors.FILE_TOO_LARGE),
        (form(part(b"1"), end=b""), errors.MALFORMED_BODY),
        (form(part(b"1"), end=b"", length=500), errors.INCOMPLETE_BODY),
        (form(b"no header at all"), errors.MALFORMED_BODY),
        (form(*[part(b"", f"f{number}", None) for number in range(40)], part(b"1")), errors.MALFORMED_BODY),
    ],
)
def test_forms_that_are_refused(request_: Request, kind: errors.Kind) -> None:
    """Every way to be wrong has its own code."""
    with pytest.raises(Failure) as failure:
        taken(request_)
    assert failure.value.kind is kind


def test_limit_to_the_byte() -> None:
    """The largest video is taken, one byte more is not."""
    assert len(taken(form(part(b"x" * 1000)))[1]) == 1000
    raw = Request(EnvironBuilder(method="POST", data=b"x" * 1000).get_environ())
    assert len(taken(raw)[1]) == 1000
    with pytest.raises(Failure) as failure:
        taken(Request(EnvironBuilder(method="POST", data=b"x" * 1001).get_environ()))
    assert failure.value.kind is errors.FILE_TOO_LARGE


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("a.mp4", "a.mp4"), ("../../etc/passwd", "passwd"), ("C:\\x\\y.mp4", "y.mp4"), ("", "video"), ("..", "video"),
        ("a\r\nSet-Cookie: x.mp4", "aSet-Cookie: x.mp4"), ("\u202e4pm.exe", "4pm.exe"), ("ü" * 300, "ü" * 127),
        ("😀.mp4", "😀.mp4"), ("\ud800.mp4", ".mp4"), ("-i", "-i"),
    ],
)  # fmt: skip
def test_names(name: str, clean: str) -> None:
    """A name shows what it is, and never where to put it."""
    assert body.clean_name(name) == clean


def test_naughty_names(shared: Path) -> None:
    """No name of the big lists gets through unclean."""
    lines = (shared / "vectors" / "traversal.txt").read_text(errors="replace").splitlines()
    for name in [*lines, *json.loads((shared / "vectors" / "blns.json").read_text())]:
        clean = body.clean_name(name)
        assert all(char.isprintable() or char.isspace() for char in clean)
        assert not set("/\\\r\n\0") & set(clean)
        assert 0 < len(clean.encode()) <= 255


def test_corpus_is_media(shared: Path) -> None:
    """Every real media file is taken, whatever its container."""
    with (shared / "corpus" / "INDEX.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    assert len(rows) > 50
    for row in rows:
        head = (shared / "corpus" / row["file"]).read_bytes()[: sniffing.HEAD_BYTES]
        if row["file"].endswith(".txt"):
            with pytest.raises(Failure):
                sniffing.require_media(head)
        else:
            sniffing.require_media(head)


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.mp4", "x" * 5000)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "head",
    [
        b"some text\n" * 50, _zip(), b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n" + bytes(50), b"MZ" + bytes(200),
        b"<html></html>", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile 'x'\n",
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", b"RIFF\0\0\0\0WEBPVP8 ", b"GIF89a" + bytes(99), b"x", bytes(4096),
    ],
)  # fmt: skip
def test_other_files_are_not_media(head: bytes) -> None:
    """Text, archives, pictures, playlists: refused by their first bytes."""
    with pytest.raises(Failure) as failure:
        sniffing.require_media(head)
    assert failure.value.kind is errors.NOT_MEDIA
