"""The crowd: clients who upload and download, some of whom die; what they were told is written down."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tests.chaos.schedule import Upload
from tests.clients import dying, web

if TYPE_CHECKING:
    from tests.chaos.arena import Arena

SILENT_SECONDS = 8.0  # longer than a silent peer is borne
SILENT_SHARE = 0.4
# What a system under faults may say. 409: not ready yet; 422: it failed; 502: the gateway, where a function is gone.
AWAY = {502, 503, 504}
MAY_SAY = {
    "login": {200} | AWAY,
    "upload": {202} | AWAY,
    "download": {200, 409, 422} | AWAY,
    "event": {200, 503},
    "poison": {400, 503},
    "sweep": {200, 503},
}


@dataclass
class Crowd:
    """Everybody who talks to the system from outside; each method may run in a thread of its own."""

    arena: Arena
    acknowledged: dict[str, Upload] = field(default_factory=dict)  # by id
    downloaded: list[tuple[str, str]] = field(default_factory=list)  # id and hash
    answers: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def upload(self, upload: Upload) -> None:
        """Send a file in the manner that is due."""
        content = upload.sample.path.read_bytes()
        match upload.manner:
            case "closes" | "resets" | "closes a form":
                make = dying.multipart_body if upload.manner == "closes a form" else dying.raw_body
                self._dies(upload, make, content)
            case "falls silent":
                self._falls_silent(upload, content)
            case "after a login":
                self._sends(upload, content, self._logged_in() or self._token)
            case _:
                self._sends(upload, content, self._token)

    def download(self, fid: str) -> None:
        """Fetch the MP3 of a job, if there is one by now."""
        query = urlencode({"fid": fid})
        answer = self.told("download", "GET", f"{self.arena.url('download')}?{query}", web.bearer(self._token))
        if answer is not None and answer.status == 200:
            self.downloaded.append((fid, hashlib.sha256(answer.body).hexdigest()))

    def told(
        self, what: str, method: str, url: str, headers: dict[str, str], body: bytes | None = None
    ) -> web.Answer | None:
        """Make a call and write down what came of it; an answer that may never be is a problem."""
        try:
            answer = web.call(method, url, headers=headers, body=body)
        except (OSError, HTTPException) as error:
            self.answers[f"{what}: {type(error).__name__}"] += 1
            return None
        self.answers[f"{what}: {answer.status}"] += 1
        if answer.status not in MAY_SAY[what]:
            self.problems.append(f"{what} answered {answer.status}: {answer.body[:200]!r}")
        return answer

    @property
    def _token(self) -> str:
        return self.arena.owner.token

    def _sends(self, upload: Upload, content: bytes, token: str) -> None:
        url = f"{self.arena.url('upload')}?{urlencode({'filename': upload.filename})}"
        headers, body = {"Content-Type": "video/mp4"}, content
        if upload.manner == "form":
            headers, body = web.multipart(("file", upload.filename, content))
        answer = self.told("upload", "POST", url, {**headers, **web.bearer(token)}, body)
        if answer is not None and answer.status == 202:
            self.acknowledged[answer.json()["id"]] = upload

    def _logged_in(self) -> str | None:
        owner = self.arena.owner
        answer = self.told("login", "POST", self.arena.url("login"), web.basic(owner.email, owner.password))
        return answer.text.strip() if answer is not None and answer.status == 200 else None

    def _dies(self, upload: Upload, make: Callable[[bytes, str], dying.Body], content: bytes) -> None:
        url = self.arena.url("upload")
        try:
            dying.die(url, self._token, make, content, upload.filename, reset=upload.manner == "resets")
        except OSError as error:
            self.answers[f"dying client: {type(error).__name__}"] += 1

    def _falls_silent(self, upload: Upload, content: bytes) -> None:
        url = self.arena.url("upload")
        headers, body = dying.raw_body(content, upload.filename)
        try:
            with dying.connected(url) as connection:
                connection.sendall(dying.request_head(url, {**headers, **web.bearer(self._token)}, upload.filename))
                connection.sendall(body[: int(len(body) * SILENT_SHARE)])
                connection.settimeout(SILENT_SECONDS)
                connection.recv(1)
        except OSError as error:
            self.answers[f"silent client: {type(error).__name__}"] += 1
