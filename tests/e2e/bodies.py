"""Bodies of uploads, most of which must be refused."""

from __future__ import annotations

from pathlib import Path

from tests.clients import web
from tests.media import videos as media

Request = tuple[dict[str, str], bytes]


def no_field(folder: Path, name: str) -> Request:
    """A form whose only part is another field."""
    return web.multipart(("other", name, media.tone_video(folder).read_bytes()))


def no_part(folder: Path, name: str) -> Request:
    """A form with nothing in it."""
    return web.multipart()


def two_files(folder: Path, name: str) -> Request:
    """A form with two videos."""
    video = media.tone_video(folder).read_bytes()
    return web.multipart(("file", name, video), ("file", name, video))


def empty(folder: Path, name: str) -> Request:
    """A form whose file has no bytes."""
    return web.multipart(("file", name, media.empty_file(folder).read_bytes()))


def text(folder: Path, name: str) -> Request:
    """A form with a text under a video's name."""
    return web.multipart(("file", name, media.text_file(folder).read_bytes()))


def archive(folder: Path, name: str) -> Request:
    """A form with a ZIP under a video's name."""
    return web.multipart(("file", name, media.zip_file(folder).read_bytes()))


def raw_text(folder: Path, name: str) -> Request:
    """A text as the body itself."""
    return web.RAW, media.text_file(folder).read_bytes()


def raw_archive(folder: Path, name: str) -> Request:
    """A ZIP as the body itself."""
    return web.RAW, media.zip_file(folder).read_bytes()


def no_boundary(folder: Path, name: str) -> Request:
    """A form without a boundary in its Content-Type."""
    return {"Content-Type": "multipart/form-data"}, web.multipart(("file", name, b"x" * 1000))[1]


def unfinished(folder: Path, name: str) -> Request:
    """A form whose last boundary is missing."""
    headers, body = web.multipart(("file", name, media.tone_video(folder).read_bytes()))
    return headers, body[: -len(web.BOUNDARY) - 10]


def form(name: str, content: bytes, before: dict[str, str], after: dict[str, str]) -> Request:
    """A form with plain fields before the file and after it, as curl sends them."""
    headers, body = web.multipart(("file", name, content))
    end = body.rindex(f"--{web.BOUNDARY}--".encode())
    return headers, _fields(before) + body[:end] + _fields(after) + body[end:]


def _fields(fields: dict[str, str]) -> bytes:
    return "".join(
        f'--{web.BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ).encode()
