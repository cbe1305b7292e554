"""A film in plain GridFS buckets, converted again and again by the tutorials' consumer."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import gridfs
from bson import ObjectId

from tests.bench import tutorial
from tests.bench.stored import stored_kilobits
from tests.bench.system import System

LIMIT_SECONDS = 3600.0
STOP_SECONDS = 20


class TutorialConsumer:
    """The consumer, which is there until the block ends."""

    def __init__(self, system: System, film: Path, seconds: float) -> None:
        self._database, self._seconds = system.database, seconds
        self._scratch = film.parent / "plain.mp3"
        with film.open("rb") as content:
            self._video = gridfs.GridFS(self._database, tutorial.VIDEOS).put(content)
        environment = {
            **os.environ,
            "BENCH_MONGODB_URL": system.mongodb_url,
            "BENCH_MONGODB_DATABASE": self._database.name,
            "TMPDIR": str(film.parent),
        }
        command = [sys.executable, "-m", "tests.bench.tutorial"]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._mp3 = ""
        self.reading: list[float] = []

    def __enter__(self) -> TutorialConsumer:
        """Wait until it is ready."""
        assert self._answer() == "ready"
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate(timeout=STOP_SECONDS)
        for bucket in (tutorial.VIDEOS, tutorial.MP3S):
            for part in ("files", "chunks"):
                self._database.drop_collection(f"{bucket}.{part}")

    @property
    def pid(self) -> int:
        """Return its process."""
        return self._process.pid

    def convert(self) -> None:
        """Let it convert the film; `reading` gets the seconds until it had the film in memory."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{self._video}\n")
        self._mp3, reading = self._answer().split()
        self.reading.append(float(reading))

    def kilobits(self) -> float:
        """Return the kbit/s of the MP3 that it made last, and remove that; fail unless it has the right length."""
        mp3 = ObjectId(self._mp3)
        rate = stored_kilobits(self._database, tutorial.MP3S, mp3, self._seconds, self._scratch)
        gridfs.GridFS(self._database, tutorial.MP3S).delete(mp3)
        return rate

    def _answer(self) -> str:
        assert self._process.stdout is not None
        end = threading.Timer(LIMIT_SECONDS, self._process.kill)
        end.start()
        line = self._process.stdout.readline().strip()
        end.cancel()
        assert line, f"the tutorials' step ended with {self._process.wait(STOP_SECONDS)}"
        return line
