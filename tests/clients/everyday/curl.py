"""curl."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.clients.everyday import client, programs
from tests.clients.everyday.client import FORM, RAW, STREAM, Reply

ASK_FIRST = ("-H", "Expect: 100-continue")  # curl's own wish for large bodies only


class Curl:
    """curl; it appends the file's name to an address that ends with a slash, and retries if told to."""

    ways: tuple[str, ...] = (FORM, RAW, STREAM)

    def login(self, url: str, email: str, password: str) -> Reply:
        return _curl("-X", "POST", "-u", f"{email}:{password}", url)

    def upload(self, way: str, url: str, token: str, video: Path) -> Reply:
        body = {
            FORM: ("-F", f"file=@{video}", url),
            RAW: ("-T", str(video), "-X", "POST", *ASK_FIRST, f"{url}/"),
            STREAM: ("-T", str(video), "-H", "Transfer-Encoding: chunked", *ASK_FIRST, f"{url}/"),
        }
        return _curl(*_headers(token), *body[way])

    def get(self, url: str, token: str, **headers: str) -> Reply:
        return _curl(*_headers(token, **headers), url)

    def save(self, url: str, token: str, folder: Path) -> None:
        programs.run(["curl", "-sS", "-f", "-OJ", *_headers(token), url], folder)

    def resume(self, url: str, token: str, begun: Path) -> None:
        programs.run(["curl", "-sS", "-f", "-C", "-", "-o", begun.name, *_headers(token), url], begun.parent)

    def wait(self, url: str, token: str) -> bytes:
        retry = ["--retry", "30", "--retry-all-errors"]
        return programs.run(["curl", "-sS", "-f", *retry, *_headers(token), url], Path.cwd()).stdout


def _headers(token: str, **headers: str) -> list[str]:
    return [word for name, value in client.fields(token, headers).items() for word in ("-H", f"{name}: {value}")]


def _curl(*words: str) -> Reply:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs.run(["curl", "-sS", "-D", "head", "-o", "body", *words], folder)
        body = folder / "body"
        return Reply(*client.read_head((folder / "head").read_bytes()), body.read_bytes() if body.exists() else b"")
