"""The clients of the chaos run: they upload and download, some disconnect early, and all answers are recorded."""

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
    from tests.chaos.system import ProxiedSystem

SILENT_SECONDS = 8.0  # longer than the idle time-out
SILENT_SHARE = 0.4
# The statuses allowed during faults. 409: not ready yet; 422: failed; 502: the gateway cannot reach a function.
UNAVAILABLE = {502, 503, 504}
ALLOWED_STATUSES = {
    "login": {200} | UNAVAILABLE,
    "upload": {202} | UNAVAILABLE,
    "download": {200, 409, 422} | UNAVAILABLE,
    "jobs": {202, 404, 409} | UNAVAILABLE,
    "event": {200, 503},
    "poison": {400, 503},
    "sweep": {200, 503},
}


@dataclass
class Clients:
    """All clients of the system; each method may run in its own thread."""

    system: ProxiedSystem
    acknowledged: dict[str, Upload] = field(default_factory=dict)  # by id
    downloaded: list[tuple[str, str]] = field(default_factory=list)  # id and hash
    answers: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def upload(self, upload: Upload) -> None:
        """Send a file in the scheduled manner."""
        content = upload.sample.path.read_bytes()
        match upload.manner:
            case "closes" | "resets" | "closes a form":
                make = dying.multipart_body if upload.manner == "closes a form" else dying.raw_body
                self._disconnect(upload, make, content)
            case "falls silent":
                self._stall(upload, content)
            case "after a login":
                self._send(upload, content, self._logged_in() or self._token)
            case _:
                self._send(upload, content, self._token)

    def download(self, fid: str) -> None:
        """Download a job's MP3, if it exists by now."""
        query = urlencode({"fid": fid})
        answer = self.told("download", "GET", f"{self.system.url('download')}?{query}", web.bearer(self._token))
        if answer is not None and answer.status == 200:
            self.downloaded.append((fid, hashlib.sha256(answer.body).hexdigest()))

    def retry(self, fid: str) -> None:
        """Have a job converted again, if it has ended by now."""
        self.told("jobs", "POST", f"{self.system.url('jobs')}/{fid}/retry", web.bearer(self._token))

    def told(
        self, what: str, method: str, url: str, headers: dict[str, str], body: bytes | None = None
    ) -> web.Answer | None:
        """Send a request and record the result; a status that is not allowed is a problem."""
        try:
            answer = web.call(method, url, headers=headers, body=body)
        except (OSError, HTTPException) as error:
            self.answers[f"{what}: {type(error).__name__}"] += 1
            return None
        self.answers[f"{what}: {answer.status}"] += 1
        if answer.status not in ALLOWED_STATUSES[what]:
            self.problems.append(f"{what} answered {answer.status}: {answer.body[:200]!r}")
        return answer

    @property
    def _token(self) -> str:
        return self.system.owner.token

    def _send(self, upload: Upload, content: bytes, token: str) -> None:
        query = urlencode({"filename": upload.filename, "webhook": self.system.receiver.url(), **upload.options})
        url = f"{self.system.url('upload')}?{query}"
        headers, body = {"Content-Type": "video/mp4"}, content
        if upload.manner == "form":
            headers, body = web.multipart(("file", upload.filename, content))
        answer = self.told("upload", "POST", url, {**headers, **web.bearer(token)}, body)
        if answer is not None and answer.status == 202:
            self.acknowledged[answer.json()["id"]] = upload

    def _logged_in(self) -> str | None:
        owner = self.system.owner
        answer = self.told("login", "POST", self.system.url("login"), web.basic(owner.email, owner.password))
        return answer.text.strip() if answer is not None and answer.status == 200 else None

    def _disconnect(self, upload: Upload, make: Callable[[bytes, str], dying.Body], content: bytes) -> None:
        url = self.system.url("upload")
        try:
            dying.die(url, self._token, make, content, upload.filename, reset=upload.manner == "resets")
        except OSError as error:
            self.answers[f"dying client: {type(error).__name__}"] += 1

    def _stall(self, upload: Upload, content: bytes) -> None:
        url = self.system.url("upload")
        headers, body = dying.raw_body(content, upload.filename)
        try:
            with dying.connected(url) as connection:
                connection.sendall(dying.request_head(url, {**headers, **web.bearer(self._token)}, upload.filename))
                connection.sendall(body[: int(len(body) * SILENT_SHARE)])
                connection.settimeout(SILENT_SECONDS)
                connection.recv(1)
        except OSError as error:
            self.answers[f"silent client: {type(error).__name__}"] += 1
