"""What other people's servers and programs do wrong becomes a sentence, and nothing is kept of it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from local.cluster import manifests, run
from local.cluster.versions import Manifest, Part
from local.problem import Problem

CONTENT = b"kind: Namespace\n"


class Served(SimpleHTTPRequestHandler):
    """Serves files, and what is no file: a body that is cut, and one that never ends."""

    def do_GET(self) -> None:
        """Answer."""
        if self.path == "/cut.yaml":
            self.begin(f"Content-Length: {len(CONTENT) + 1}")
            self.wfile.write(CONTENT)
        elif self.path == "/cut-chunks.yaml":
            self.begin("Transfer-Encoding: chunked")
            self.wfile.write(b"ff\r\n" + CONTENT)
        elif self.path == "/slow.yaml":
            self.begin("Content-Length: 1000000")
            with suppress(OSError):  # until nobody listens any more
                while True:
                    self.wfile.write(b"#")
                    time.sleep(0.05)
        else:
            super().do_GET()

    def begin(self, field: str) -> None:
        """Begin an answer with one more field."""
        self.wfile.write(f"HTTP/1.1 200 OK\r\n{field}\r\n\r\n".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a manifest that is there; what is read ends in a folder of the test."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "there.yaml").write_bytes(CONTENT)
    monkeypatch.setattr(manifests, "FOLDER", tmp_path / "kept")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Served, directory=str(served))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/there.yaml"
        server.shutdown()
        thread.join()


def kept(url: str, sha256: str = "") -> list[Path]:
    """Return the files of a part that has this one manifest."""
    return manifests.files(Part("A part", "v1", "space", (Manifest(url, sha256),)))


def test_a_manifest_is_read_once(url: str, tmp_path: Path) -> None:
    (file,) = kept(url, hashlib.sha256(CONTENT).hexdigest())
    assert file.read_bytes() == CONTENT
    (tmp_path / "served" / "there.yaml").unlink()
    assert kept(url) == [file]


@pytest.mark.parametrize(
    ("name", "sha256", "most", "sentence"),
    [
        ("there.yaml", "0" * 64, 100, "is not the file it was"),
        ("there.yaml", "", len(CONTENT) - 1, "larger than any manifest"),
        ("gone.yaml", "", 100, "answered with 404"),
        ("cut.yaml", "", 100, "cannot be read"),
        ("cut-chunks.yaml", "", 100, "cannot be read"),
        ("slow.yaml", "", 100, "cannot be read"),
    ],
)
def test_what_is_no_manifest_is_not_kept(
    name: str, sha256: str, most: int, sentence: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "MOST_BYTES", most)
    monkeypatch.setattr(manifests, "MOST_SECONDS", 0.5)
    with pytest.raises(Problem, match=sentence):
        kept(url.replace("there.yaml", name), sha256)
    assert not [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]


def test_no_internet_is_a_sentence(url: str) -> None:
    with pytest.raises(Problem, match="reaches the internet"):
        kept("https://127.0.0.1:9/there.yaml")


def test_a_program_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MOST_SECONDS", 0.1)
    with pytest.raises(Problem, match=r"sleep had not ended after 0\.1 s\. Try again\."):
        run.run(["sleep", "60"], advice="Try again.")
