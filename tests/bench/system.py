"""A system of the benchmark's own, with the periods of a real one."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pymongo.database import Database

from local.account import User
from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.waiting import until
from tests.local.commands import free_port
from tests.local.private import PrivateStack, private_stack

ROOT = Path(__file__).resolve().parents[2]
CONVERTED_SECONDS = 600
START_SECONDS = 30
CHUNK_BYTES = 2**20
PERIODS = {
    "CONVERT_TIMEOUT_SECONDS": "600",
    "CONVERT_LEASE_SECONDS": "60",
    "UPLOAD_LEASE_SECONDS": "60",
    "IDLE_TIMEOUT_SECONDS": "60",
    "ANNOUNCE_GAP_SECONDS": "30",
    "ANNOUNCE_GAP_MAX_SECONDS": "3600",
    "SWEEP_EVERY_SECONDS": "30",
    # Gigabytes written at once keep the disk, and so the database, busy for longer than the usual limit.
    "MONGODB_TIMEOUT_SECONDS": "120",
    # One user sends everything.
    "QUOTA_JOBS_AT_ONCE": "0",
    "QUOTA_JOBS_A_DAY": "0",
    "QUOTA_BYTES": "0",
    "QUOTA_CONVERSION_SECONDS_A_DAY": "0",
}


class System:
    """What the benchmarks do with the system besides measuring it."""

    def __init__(self, stack: PrivateStack) -> None:
        self.functions, self.gateway = stack.functions, stack.gateway
        self.program, self.user = stack.program, stack.user
        self.mongodb_url = stack.mongodb_url
        self.start, self.stop, self.restart = stack.start, stack.stop, stack.restart
        self.reconfigure = stack.reconfigure
        self.event_token, self.mailbox = stack.event_token, stack.mailbox
        self._add_user = stack.add_user
        self.token = web.login(stack.functions["login"], stack.user.email, stack.user.password)
        self.inspector = Inspector.of(stack.mongodb_url, stack.mongodb_database)

    @property
    def database(self) -> Database[dict[str, Any]]:
        """Return the system's database."""
        return self.inspector.database

    def another_user(self, email: str) -> User:
        """Add a user."""
        user = User(email, secrets.token_urlsafe(12))
        self._add_user(user.email, user.password)
        return user

    def converted(self, fid: str) -> bytes:
        """Wait until a job is done, and return its MP3."""
        self.inspector.done(fid, CONVERTED_SECONDS)
        return web.download(self.functions["download"], self.token, fid).body

    def replace_mp3(self, fid: str, path: Path) -> None:
        """Replace a job's MP3 by any file."""
        file_id = self.inspector.job(fid)["mp3"]["file_id"]
        chunks = self.database["mp3s.chunks"]
        chunks.delete_many({"files_id": file_id})
        with path.open("rb") as content:
            for number, piece in enumerate(iter(lambda: content.read(CHUNK_BYTES), b"")):
                chunks.insert_one({"files_id": file_id, "n": number, "data": piece})
        described = {"length": path.stat().st_size, "chunkSize": CHUNK_BYTES}
        self.database["mp3s.files"].update_one({"_id": file_id}, {"$set": described})

    def close(self) -> None:
        """Let go of the database."""
        self.inspector.close()

    def forget(self, fid: str) -> None:
        """Remove a job and its files, so that the disk does not fill."""
        job = self.inspector.job(fid)
        self.database.jobs.delete_one({"_id": fid})
        for bucket, file_id in (("videos", fid), ("mp3s", job.get("mp3", {}).get("file_id"))):
            self.database[f"{bucket}.files"].delete_one({"_id": file_id})
            self.database[f"{bucket}.chunks"].delete_many({"files_id": file_id})


@contextmanager
def started() -> Iterator[System]:
    """Yield a running system that ends with the block."""
    with private_stack(**PERIODS) as stack:
        stack.need_all()
        with closing(System(stack)) as system:
            yield system


@contextmanager
def served(*words: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Serve one more app with gunicorn, as the words say, until the block ends; yield its URL."""
    port = free_port()
    command = [str(Path(sys.executable).parent / "gunicorn"), *words, "--bind", f"127.0.0.1:{port}"]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, env=environment, cwd=ROOT, stdin=quiet, stdout=quiet, stderr=quiet)
    url = f"http://127.0.0.1:{port}/"
    try:
        until(lambda: _answers(url), f"{words} to answer", START_SECONDS)
        yield url
    finally:
        server.terminate()
        server.wait(START_SECONDS)


def _answers(url: str) -> bool:
    try:
        return web.call("GET", url).status < 500
    except ConnectionRefusedError:
        return False
