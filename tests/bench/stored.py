"""Films in the system's GridFS, converted again and again by a function that gets their event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gridfs
from pymongo.database import Database

from functions.common import events
from tests.bench import transfer
from tests.bench.system import System
from tests.bench.ways import KILOBITS, kilobits
from tests.clients import web

LIMIT_SECONDS = 3600.0


class Film:
    """A film that was uploaded once."""

    def __init__(self, system: System, film: Path, seconds: float) -> None:
        self._system = system
        self._seconds = seconds
        self._scratch = film.parent / "stored.mp3"
        self.fid = transfer.upload_raw(system.functions["upload"], system.token, film)

    def make_ready(self) -> None:
        """Let its job wait for convert once more, without the MP3 of the last time."""
        job = self._job()
        if "mp3" in job:
            gridfs.GridFS(self._system.database, "mp3s").delete(job["mp3"]["file_id"])
        change = {"state": "ready", "attempts": 0, "options": {"bitrate": KILOBITS}}
        self._system.database.jobs.update_one({"_id": self.fid}, {"$set": change, "$unset": {"mp3": "", "error": ""}})

    def convert(self, url: str) -> None:
        """Post its event to a function, and return when that has answered."""
        event = events.encode(events.of({"_id": self.fid, "state": "ready"}))
        headers = {"Content-Type": events.STRUCTURED, **web.bearer(self._system.event_token)}
        answer = web.call("POST", url, headers=headers, body=event, timeout=LIMIT_SECONDS)
        assert answer.status == 200, answer

    def kilobits(self) -> float:
        """Return the kbit/s of the MP3; fail unless it has the right length."""
        job = self._job()
        assert job["state"] == "done", job
        return stored_kilobits(self._system.database, "mp3s", job["mp3"]["file_id"], self._seconds, self._scratch)

    def forget(self) -> None:
        """Remove the job and its files."""
        self._system.forget(self.fid)

    def _job(self) -> dict[str, Any]:
        return self._system.inspector.job(self.fid)


def stored_kilobits(
    database: Database[dict[str, Any]], bucket: str, file_id: object, seconds: float, scratch: Path
) -> float:
    """Return the kbit/s of a stored MP3; fail unless it lasts as long as it should."""
    scratch.write_bytes(gridfs.GridFS(database, bucket).get(file_id).read())
    try:
        return kilobits(scratch, seconds)
    finally:
        scratch.unlink()
