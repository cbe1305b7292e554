"""Faults of servers and programs end in clear errors, and no broken file is kept."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local.cluster import manifests
from local.cluster.versions import Manifest, Part
from local.problem import Problem
from tests.clients.serving import serving

CONTENT = b"kind: Namespace\n"


class Handler(SimpleHTTPRequestHandler):
    """Serves files, a body that is cut off, and one that never ends."""

    def do_GET(self) -> None:
        """Send the file, or a faulty body."""
        if self.path == "/cut.yaml":
            self._send_head(f"Content-Length: {len(CONTENT) + 1}")
            self.wfile.write(CONTENT)
        elif self.path == "/cut-chunks.yaml":
            self._send_head("Transfer-Encoding: chunked")
            self.wfile.write(b"ff\r\n" + CONTENT)
        elif self.path == "/slow.yaml":
            self._send_head("Content-Length: 1000000")
            with suppress(OSError):  # until the client disconnects
                while True:
                    self.wfile.write(b"#")
                    time.sleep(0.05)
        else:
            super().do_GET()

    def _send_head(self, field: str) -> None:
        """Start a response with one more header field."""
        self.wfile.write(f"HTTP/1.1 200 OK\r\n{field}\r\n\r\n".encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an existing manifest; downloads go to a folder of the test."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "present.yaml").write_bytes(CONTENT)
    monkeypatch.setattr(manifests, "FOLDER", tmp_path / "kept")
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(served)))) as server:
        yield f"http://127.0.0.1:{server.server_port}/present.yaml"


def download(url: str, sha256: str = "") -> list[Path]:
    """Return the files of a part that has only this manifest."""
    return manifests.files(Part("A part", "v1", "space", (Manifest(url, sha256),)))


def test_a_manifest_is_downloaded_once(url: str, tmp_path: Path) -> None:
    (file,) = download(url, hashlib.sha256(CONTENT).hexdigest())
    assert file.read_bytes() == CONTENT
    (tmp_path / "served" / "present.yaml").unlink()
    assert download(url) == [file]


@pytest.mark.parametrize(
    ("name", "sha256", "limit", "error"),
    [
        ("present.yaml", "0" * 64, 100, "has changed: its sha256"),
        ("present.yaml", "", len(CONTENT) - 1, "too large for a manifest"),
        ("gone.yaml", "", 100, "returned 404"),
        ("cut.yaml", "", 100, "Cannot download"),
        ("cut-chunks.yaml", "", 100, "Cannot download"),
        ("slow.yaml", "", 100, "Cannot download"),
    ],
)
def test_a_broken_download_is_reported_and_not_kept(
    name: str, sha256: str, limit: int, error: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "MAX_BYTES", limit)
    if name == "slow.yaml":
        monkeypatch.setattr(manifests, "MAX_SECONDS", 0.1)
    with pytest.raises(Problem, match=error):
        download(url.replace("present.yaml", name), sha256)
    assert not [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]


def test_a_missing_internet_connection_is_reported(url: str) -> None:
    with pytest.raises(Problem, match="internet connection"):
        download("https://127.0.0.1:9/present.yaml")
