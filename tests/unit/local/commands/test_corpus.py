"""./local/corpus with a server that sends good, wrong, truncated and missing files."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local.commands import corpus
from local.problem import Problem
from local.progress import Progress
from tests.clients.serving import serving

CONTENT = b"a video " * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
BYTE_SECONDS = 0.01
REPOSITORY, COMMIT = "someone/media", "0" * 40
ANSWERS = {"good file.mp4": CONTENT, "other.mp4": CONTENT[::-1], "short.mp4": CONTENT[:-1], "large.mp4": CONTENT + b"x"}


class Origin(ThreadingHTTPServer):
    """A file server that records requests."""

    requested: list[str]
    sent_slowly = 0  # bytes sent of a slow file


@pytest.fixture
def origin() -> Iterator[Origin]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix(f"/{REPOSITORY}/{COMMIT}/a/").replace("%20", " ")
            server.requested.append(name)
            if name == "cut.mp4":
                self.send_response(200)
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                self.wfile.write(CONTENT[:100])
                return
            if name == "slow.mp4":
                self._send_slowly()
                return
            body = ANSWERS.get(name)
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def _send_slowly(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            with contextlib.suppress(OSError):  # the client has closed the connection
                for byte in CONTENT:
                    self.wfile.write(bytes([byte]))
                    server.sent_slowly += 1
                    time.sleep(BYTE_SECONDS)

        def log_message(self, *args: object) -> None:
            """Log nothing."""

    with serving(Origin(("127.0.0.1", 0), Handler)) as server:
        server.requested = []
        yield server


def index(folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make the command read an index of these files."""
    rows = [f"{name}\t{REPOSITORY}\t{COMMIT}\ta/{name}\t{len(CONTENT)}\t{SHA256}" for name in names]
    path = folder / "INDEX.tsv"
    path.write_text("\n".join(["file\trepository\tcommit\tpath\tbytes\tsha256", *rows]) + "\n")
    monkeypatch.setattr(corpus, "INDEX", path)


def url_of(origin: Origin) -> str:
    return f"http://127.0.0.1:{origin.server_address[1]}"


def test_missing_and_damaged_files_are_downloaded(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(tmp_path, monkeypatch, "good file.mp4")
    folder = tmp_path / "files"
    assert corpus.fetch(folder, url_of(origin), Progress()) == (1, [])
    assert (folder / "good file.mp4").read_bytes() == CONTENT
    assert corpus.fetch(folder, url_of(origin), Progress()) == (0, [])
    (folder / "good file.mp4").write_bytes(b"damaged")
    assert corpus.fetch(folder, url_of(origin), Progress()) == (1, [])
    assert origin.requested == ["good file.mp4"] * 2


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("other.mp4", "its hash differs from the index"),
        ("short.mp4", "its hash differs from the index"),
        ("large.mp4", "it is larger than the 8000 bytes in the index"),
        ("cut.mp4", "the transfer was interrupted"),
        ("none.mp4", "the server returned 404"),
    ],
)
def test_a_broken_file_is_not_kept(
    name: str, error: str, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other files are downloaded all the same."""
    index(tmp_path, monkeypatch, name, "good file.mp4")
    folder = tmp_path / "files"
    assert corpus.fetch(folder, url_of(origin), Progress()) == (1, [f"{name}: {error}."])
    assert [path.name for path in folder.iterdir()] == ["good file.mp4"]


def test_a_slow_server_does_not_outlast_the_limit(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends a byte every few milliseconds, so that no single read takes long."""
    monkeypatch.setattr(corpus, "FILE_SECONDS", 0.2)
    index(tmp_path, monkeypatch, "slow.mp4")
    error = "slow.mp4: it took longer than 0.2 seconds."
    assert corpus.fetch(tmp_path / "files", url_of(origin), Progress()) == (0, [error])
    assert origin.sent_slowly < len(CONTENT) / 2
    assert list((tmp_path / "files").iterdir()) == []


def test_an_unreachable_server_is_reported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index(tmp_path, monkeypatch, "a.mp4", "b.mp4")
    monkeypatch.setattr(corpus, "TRIES", 0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(Problem, match="Cannot reach"):
            corpus.fetch(tmp_path / "files", f"http://127.0.0.1:{free.getsockname()[1]}", Progress())
