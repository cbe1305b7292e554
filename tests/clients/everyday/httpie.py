"""HTTPie."""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
from pathlib import Path

from tests.clients.everyday import client, programs
from tests.clients.everyday.client import FORM, RAW, STREAM, Reply

PROGRAM = str(Path(sys.executable).parent / "http")


class HTTPie:
    """HTTPie's `http`; it takes headers and parameters as words."""

    ways: tuple[str, ...] = (FORM, RAW, STREAM)

    def login(self, url: str, email: str, password: str) -> Reply:
        return _http("-a", f"{email}:{password}", "POST", url)

    def upload(self, way: str, url: str, token: str, video: Path) -> Reply:
        if way == FORM:
            return _http(*_bearer(token), "--form", "POST", url, f"file@{video}")
        chunked = ("--chunked",) if way == STREAM else ()
        return _http(*_bearer(token), *chunked, "POST", url, f"filename=={video.name}", stdin=video)

    def get(self, url: str, token: str, **headers: str) -> Reply:
        words = [f"{name.replace('_', '-')}:{value}" for name, value in headers.items()]
        return _http(*_bearer(token), "GET", url, *words)

    def save(self, url: str, token: str, folder: Path) -> None:
        _download(*_bearer(token), "GET", url, folder=folder)

    def resume(self, url: str, token: str, begun: Path) -> None:
        _download("--continue", "--output", begun.name, *_bearer(token), "GET", url, folder=begun.parent)

    def wait(self, url: str, token: str) -> bytes:
        return client.polled(lambda: self.get(url, token))


def _bearer(token: str) -> tuple[str, ...]:
    return ("-A", "bearer", "-a", token)


def _download(*words: str, folder: Path) -> None:
    # A terminal, which `script` is: to anything else, it writes what it downloads.
    command = shlex.join([PROGRAM, "--ignore-stdin", "--download", *words])
    programs.run(
        ["script", "--quiet", "--return", "--command", command, os.devnull], folder, variables=_own_settings(folder)
    )


def _http(*words: str, stdin: Path | None = None) -> Reply:
    command = [PROGRAM, *([] if stdin else ["--ignore-stdin"]), "--print=hb", *words]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        printed = programs.run(command, folder, stdin=stdin, variables=_own_settings(folder)).stdout
    head, _, body = printed.partition(b"\r\n\r\n")
    return Reply(*client.read_head(head), body)


def _own_settings(folder: Path) -> dict[str, str]:
    """Return the variable that names its settings; they keep it from asking for newer versions of itself."""
    (folder / ".httpie").mkdir()
    (folder / ".httpie" / "config.json").write_text(json.dumps({"disable_update_warnings": True}))
    return {"HTTPIE_CONFIG_DIR": str(folder / ".httpie")}
