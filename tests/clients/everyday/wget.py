"""wget."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.clients.everyday import client, programs
from tests.clients.everyday.client import RAW, Reply
from tests.tools import debian

REFUSED = (6, 8)  # exit codes: the credentials, or anything else
KEEP = "--content-on-error"


class Wget:
    """wget; it has no forms, sends credentials once it was asked for them, and waits if told to."""

    ways: tuple[str, ...] = (RAW,)

    def login(self, url: str, email: str, password: str) -> Reply:
        return _wget(KEEP, "--method=POST", f"--user={email}", f"--password={password}", url)

    def upload(self, way: str, url: str, token: str, video: Path) -> Reply:
        return _wget(KEEP, *_headers(token), "--method=POST", f"--body-file={video}", f"{url}?filename={video.name}")

    def get(self, url: str, token: str, **headers: str) -> Reply:
        # It waits for the body of a 304, which has none, when told to keep those of errors, and asks for ranges itself.
        keep = () if "If_None_Match" in headers else (KEEP,)
        start = headers.pop("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-")
        return _wget(*keep, f"--start-pos={start}", *_headers(token, **headers), url)

    def save(self, url: str, token: str, folder: Path) -> None:
        _run("-q", "--content-disposition", *_headers(token), url, folder=folder)

    def resume(self, url: str, token: str, begun: Path) -> None:
        _run("-q", "-c", "-O", begun.name, *_headers(token), url, folder=begun.parent)

    def wait(self, url: str, token: str) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            retry = ("--retry-on-http-error=409", "--tries=30", "--waitretry=1")
            _run("-q", "-O", "body", *retry, *_headers(token), url, folder=Path(folder))
            return (Path(folder) / "body").read_bytes()


def _headers(token: str, **headers: str) -> list[str]:
    return [f"--header={name}: {value}" for name, value in client.fields(token, headers).items()]


def _run(*words: str, folder: Path, allowed: tuple[int, ...] = (0,)) -> bytes:
    return programs.run([str(debian.program("wget", "wget")), *words], folder, allowed=allowed).stderr


def _wget(*words: str) -> Reply:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        printed = _run("-S", "-nv", "--tries=1", "-O", "body", *words, folder=folder, allowed=(0, *REFUSED))
        body = folder / "body"
        head = b"".join(line[2:] + b"\n" for line in printed.splitlines() if line.startswith(b"  "))
        return Reply(*client.read_head(head), body.read_bytes() if body.exists() else b"")
