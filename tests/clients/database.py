"""Look into MongoDB: jobs, stored files, and what should not be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from tests.clients.waiting import until

ENDED = ("done", "failed", "aborted")
TIMEOUT_MILLISECONDS = 10_000


@dataclass(frozen=True)
class Inspector:
    """Reads the system's database."""

    database: Database[dict[str, Any]]

    @classmethod
    def of(cls, url: str, name: str) -> Inspector:
        """Connect to a database by URL and name."""
        return cls(MongoClient(url, serverSelectionTimeoutMS=TIMEOUT_MILLISECONDS, tz_aware=True)[name])

    def job(self, fid: str) -> dict[str, Any]:
        """Return a job that must exist."""
        found = self.database.jobs.find_one({"_id": fid})
        assert found is not None, f"no job {fid}"
        return found

    def jobs_named(self, filename: str) -> list[dict[str, Any]]:
        """Return the jobs of uploads of that file name."""
        return list(self.database.jobs.find({"filename": filename}))

    def ended(self, fid: str, seconds: float = 60.0) -> dict[str, Any]:
        """Wait for a job to end, and return it."""
        until(lambda: self.job(fid)["state"] in ENDED, f"job {fid} to end", seconds)
        return self.job(fid)

    def files(self, bucket: str, fid: str) -> list[str]:
        """Return the ids of a job's files in a bucket."""
        ids = {"$in": [fid, *self._epochs(fid)]}
        return sorted(str(file["_id"]) for file in self.database[f"{bucket}.files"].find({"_id": ids}))

    def chunks(self, bucket: str, fid: str) -> int:
        """Count the chunks of a job in a bucket, whether or not a file names them."""
        chunks = self.database[f"{bucket}.chunks"]
        return sum(chunks.count_documents({"files_id": one}) for one in [fid, *self._epochs(fid)])

    def orphans(self) -> set[str]:
        """Return the ids of chunks without a file; this reads everything stored, which in tests is little."""
        return {
            str(fid)
            for bucket in ("videos", "mp3s")
            for fid in self.database[f"{bucket}.chunks"].distinct("files_id")
            if self.database[f"{bucket}.files"].find_one({"_id": fid}) is None
        }

    def unended(self) -> list[dict[str, Any]]:
        """Return the jobs that wait or work."""
        return list(self.database.jobs.find({"state": {"$nin": list(ENDED)}}))

    def _epochs(self, fid: str) -> list[str]:
        found = self.database.jobs.find_one({"_id": fid})
        return [f"{fid}.{epoch}" for epoch in range(1, (found or {}).get("epoch", 0) + 2)]
