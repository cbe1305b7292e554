"""Hostile uploads, from the first byte to the download: names that mislead, and files that are two things at once."""

from __future__ import annotations

import http.server
import socketserver
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.e2e.conftest import Person, Urls
from tests.media import samples
from tests.media.tone import assert_tone

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
PAGE = b"<!doctype html><script>alert(1)</script>"
FTYP = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"
GIF = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"

# As a browser or a script puts them into a form; names of a query can have any character.
PARTS = {
    "a quote that is escaped": rb'filename="a\"; filename=\"b.exe"',
    "a semicolon": b'filename="a;b=c; filename*=x.mp4"',
    "a charset that is none": b"filename*=no-charset''%ff.mp4",
    "a bad percent code": b"filename*=UTF-8''%zz%0d%0aX:%20y.mp4",
    "line breaks in percent codes": b"filename*=UTF-8''a%0d%0aSet-Cookie:%20x%3d1.mp4",
    "NUL": b'filename="a\0b.mp4"',
    "no UTF-8": b'filename="\xff\xfe\x80.mp4"',
    "a quote without its end": b'filename="a.mp4',
    "5,000 letters": b'filename="' + b"x" * 5000 + b'.mp4"',
    "1,500 of 4 bytes": f'filename="{"😀" * 1500}.mp4"'.encode(),
    "5,000 coded letters": b"filename*=UTF-8''" + b"%C3%BC" * 5000 + b".mp4",
    "both spellings": b"filename=\"../../etc/passwd\"; filename*=UTF-8''..%2f..%2fetc%2fpasswd",
}
NAMES = {
    "a path": "../../../etc/passwd",
    "a path of Windows": "..\\..\\C:\\x.mp4",
    "an absolute path": "/etc/passwd",
    "a coded path": "%2e%2e%2f%252e%252e%252fetc",
    "line breaks": "a\r\nSet-Cookie: x=1\r\n\r\n<html>.mp4",
    "a separator of lines": "a\u2028b\u2029c\x85d.mp4",
    "another direction": "song\u202e4pm.exe",
    "nothing to see": "\u200b\ufeff\u200d.mp4",
    "an option": "-i",
    "a pipe": "|id",
    "a command": "$(touch /tmp/x);`id`.mp4",
    "an address": "http://127.0.0.1:1/a.mp4",
    "a protocol": "concat:a|pipe:0",
    "a program": "holiday.exe",
    "quotes": 'a"; filename="b.exe',
}


@pytest.fixture(scope="module")
def short(videos: Path) -> Path:
    """A tenth of a second, which is converted at once."""
    return samples.made(videos / "short.mp4", *samples.tone(0.1), "-c:a", "aac")


def disposition(answer: web.Answer) -> EmailMessage:
    """Return the only Content-Disposition of an answer, read as RFC 6266 says; check that it is harmless."""
    assert answer.status == 200
    (field,) = answer.headers.get_all("Content-Disposition") or []
    assert field.isascii()
    assert field.isprintable()
    read = EmailMessage()
    read["Content-Disposition"] = field
    assert read.get_content_disposition() == "attachment"
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    return read


def assert_harmless(fid: str, url: Urls, owner: Person, inspector: Inspector) -> str:
    """Check the stored name and the download of an upload, and return the name."""
    job = inspector.done(fid)
    stored = str(job["filename"])
    assert 0 < len(stored.encode()) <= 255
    assert stored.isprintable()
    assert not set("/\\\r\n\0\u2028\u2029\u202e") & set(stored)
    saved = disposition(web.download(url("download"), owner.token, fid)).get_filename() or ""
    assert saved.endswith(".mp3")
    assert not set("/\\\r\n\0") & set(unquote(saved))
    assert len(saved.encode()) <= 255
    return stored


@pytest.mark.attack("B1", "B2", "B3", "B4", "D4")
def test_names_in_a_query(url: Urls, owner: Person, short: Path, inspector: Inspector, mailbox: Mailbox) -> None:
    fids = {kind: web.uploaded(url("upload"), owner.token, short, name) for kind, name in NAMES.items()}
    stored = {kind: assert_harmless(fid, url, owner, inspector) for kind, fid in fids.items()}
    assert (stored["a path"], stored["an option"], stored["a pipe"]) == ("passwd", "-i", "|id")
    assert stored["another direction"] == "song4pm.exe"
    for fid in fids.values():
        mailbox.about(fid, owner.email)


@pytest.mark.attack("B2", "B3", "D4")
@pytest.mark.parametrize("kind", PARTS)
def test_names_in_a_form(kind: str, url: Urls, owner: Person, short: Path, inspector: Inspector) -> None:
    body = (
        b'--B\r\nContent-Disposition: form-data; name="file"; ' + PARTS[kind] + b"\r\n\r\n" + short.read_bytes()
    ) + b"\r\n--B--\r\n"
    fields = {**web.bearer(owner.token), "Content-Type": "multipart/form-data; boundary=B"}
    answer = web.call("POST", url("upload"), headers=fields, body=body)
    if answer.status == 400:
        assert answer.json()["code"] in ("malformed_body", "missing_file")
    else:
        assert answer.status == 202, answer
        assert_harmless(answer.json()["id"], url, owner, inspector)


@pytest.mark.attack("B9", "B10")
@pytest.mark.parametrize(
    "content",
    [
        PAGE,
        FTYP + PAGE,
        GIF + PAGE,
        EICAR,
        FTYP + EICAR,
        b"MZ" + bytes(200),
        b"\x7fELF" + bytes(200),
        b"%PDF-1.7\n" + bytes(200),
        b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(200),
        b"\x89PNG\r\n\x1a\n" + bytes(200),
        b"PK\x03\x04" + bytes(200),
        b"#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
    ],
    ids=lambda content: ascii(content[:12]),
)
def test_what_is_no_media(content: bytes, url: Urls, owner: Person, videos: Path, inspector: Inspector) -> None:
    """Whatever it is called; what only begins like media fails later."""
    file = videos / "called.mp4"
    file.write_bytes(content)
    answer = web.upload(url("upload"), owner.token, file)
    if content.startswith(FTYP):
        job = inspector.ended(answer.json()["id"])
        assert (job["state"], inspector.files("mp3s", job["_id"])) == ("failed", [])
        assert job["error"]["code"] in ("undecodable", "no_index", "not_media", "no_audio")
    else:
        assert (answer.status, answer.json()["code"]) == (415, "not_media")


@pytest.mark.attack("B9")
@pytest.mark.parametrize("called", ["text/plain", "text/html", "application/x-msdownload", "image/png"])
def test_media_under_another_type(called: str, url: Urls, owner: Person, short: Path, inspector: Inspector) -> None:
    fields = {**web.bearer(owner.token), "Content-Type": called}
    answer = web.call("POST", f"{url('upload')}?filename=a.txt", headers=fields, body=short.read_bytes())
    assert answer.status == 202
    inspector.done(answer.json()["id"])


@pytest.mark.attack("B10")
@pytest.mark.parametrize("kind", ["page", "archive", "program"])
def test_a_video_that_is_something_else_too(
    kind: str, url: Urls, owner: Person, video: Path, videos: Path, inspector: Inspector
) -> None:
    """It is converted, and the download is never anything but an MP3 to save."""
    both = videos / f"both-{kind}.mp4"
    both.write_bytes(video.read_bytes() + {"page": PAGE * 100, "archive": b"", "program": EICAR}[kind])
    if kind == "archive":
        with zipfile.ZipFile(both, "a") as archive:
            archive.writestr("index.html", PAGE)
    fid = web.uploaded(url("upload"), owner.token, both, f"{kind}.html")
    inspector.done(fid)
    answer = web.download(url("download"), owner.token, fid)
    assert disposition(answer).get_filename() == f"{kind}.mp3"
    assert_tone(answer.body, 440, 3.0)
    for trace in (PAGE, EICAR, b"index.html"):
        assert trace not in answer.body


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """Run a server that records what asks it for anything; yield its address and the record."""
    asked: list[str] = []

    class Recorder(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Recorder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def playlist(*lines: str) -> bytes:
    return "\n".join(["#EXTM3U", "#EXT-X-TARGETDURATION:9", *lines, "#EXT-X-ENDLIST", ""]).encode()


LISTS: dict[str, Callable[[str], bytes]] = {
    "an address": lambda server: playlist("#EXTINF:9,", f"http://{server}/a.ts"),
    "a key": lambda server: playlist(f'#EXT-X-KEY:METHOD=AES-128,URI="http://{server}/key"', "#EXTINF:9,", "in"),
    "a file": lambda _: playlist("#EXTINF:9,", "file:///etc/passwd"),
    "data": lambda _: playlist("#EXTINF:9,", "data:audio/mpeg;base64,SUQz"),
    "a cipher": lambda server: playlist("#EXTINF:9,", f"crypto:http://{server}/a"),
    "protocols": lambda server: playlist("#EXTINF:9,", f"concat:/etc/passwd|http://{server}/a"),
    "a part": lambda _: playlist("#EXTINF:9,", "subfile,,start,0,end,99,,:/etc/passwd"),
    "a list of parts": lambda server: f"ffconcat version 1.0\nfile 'http://{server}/a.mp4'\n".encode(),
    "a manifest": lambda server: (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet mimeType='
        f'"audio/mp4"><Representation id="1" bandwidth="1"><BaseURL>http://{server}/a.mp4</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    ).encode(),
    "a session": lambda _: b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "a presentation": lambda server: f'<smil><body><audio src="http://{server}/a"/></body></smil>'.encode(),
}


@pytest.mark.attack("B12", "B13")
def test_lists_of_other_files(
    no_connector: Callable[[], None],
    url: Urls,
    owner: Person,
    short: Path,
    videos: Path,
    inspector: Inspector,
    mailbox: Mailbox,
) -> None:
    """Upload refuses them; were it passed over, convert would make nothing of them, and ask no server for anything."""
    with listening() as (server, asked):
        fids = {}
        for kind, make in LISTS.items():
            file = videos / "list.mp4"
            file.write_bytes(make(server))
            assert web.upload(url("upload"), owner.token, file).json()["code"] == "not_media", kind
            fids[kind] = web.uploaded(url("upload"), owner.token, short, "list.mp4")
            inspector.replace_video(fids[kind], make(server))
        no_connector()
        for kind, fid in fids.items():
            job = inspector.ended(fid)
            assert (job["state"], inspector.files("mp3s", fid)) == ("failed", []), kind
            assert job["error"]["code"] in ("not_media", "undecodable"), kind
            mailbox.about(fid, owner.email)
        assert asked == []
