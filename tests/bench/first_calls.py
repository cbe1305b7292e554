"""What each function is asked first: the least real work, on real backends; each of a round needs the one before."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.cold import Call, First
from tests.bench.system import System
from tests.clients import events, web

KILOBYTE = 1000
HEADER_BYTES = 44
RATE = 8000


class FirstCalls:
    """The calls of one round: a job is uploaded, converted, mailed about and downloaded."""

    def __init__(self, system: System, folder: Path) -> None:
        self._system = system
        self._bearer = web.bearer(system.token)
        self._deliverer = web.bearer(system.event_token)
        self._mp3 = folder / "1kb.mp3"
        self._mp3.write_bytes(bytes(KILOBYTE))
        self._fid = ""

    def to(self, function: str) -> Call:
        """Return the call of a function."""
        call: Call = getattr(self, function)()
        return call

    def answered(self, function: str, first: First) -> None:
        """Take note of the job that upload answered with."""
        if function == "upload":
            self._fid = json.loads(first.body)["id"]

    def login(self) -> Call:
        """A login with the right password, which is checked with Argon2id."""
        user = self._system.user
        return Call("POST", "/", web.basic(user.email, user.password))

    def upload(self) -> Call:
        """An upload of a sound file of 1 kB."""
        return Call("POST", "/?filename=1kb.wav", {**self._bearer, "Content-Type": "audio/wav"}, sound(), 202)

    def convert(self) -> Call:
        """The event of that upload."""
        return self._event(events.UPLOADED, lambda: self._job()["state"] != "ready")

    def notify(self) -> Call:
        """The event of that conversion."""
        return self._event("com.mp3converter.mp3.ready", lambda: self._job()["mail"]["state"] != "none")

    def download(self) -> Call:
        """A download of an MP3 of 1 kB."""
        self._system.replace_mp3(self._fid, self._mp3)
        return Call("GET", f"/?fid={self._fid}", self._bearer)

    def jobs(self) -> Call:
        """A list of one job."""
        return Call("GET", "/", self._bearer)

    def page(self) -> Call:
        """The page."""
        return Call("GET", "/")

    def sweep(self) -> Call:
        """A call of the timer."""
        return Call("POST", "/", self._deliverer)

    def ended_well(self) -> None:
        """Check that the job went all the way, and forget it."""
        job = self._job()
        assert (job["state"], job["mail"]["state"]) == ("done", "sent"), job
        self._system.forget(self._fid)

    def _job(self) -> dict[str, Any]:
        return self._system.inspector.job(self._fid)

    def _event(self, kind: str, begun: Callable[[], bool]) -> Call:
        headers, body = events.structured_message(self._fid, kind)
        return Call("POST", "/", {**headers, **self._deliverer}, body, begun=begun)


def sound() -> bytes:
    """Return a file of silence, 1 kB long."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes(bytes(KILOBYTE - HEADER_BYTES))
    return file.getvalue()
