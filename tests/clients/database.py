"""Inspect MongoDB: jobs, stored files, and what should not be there."""

from __future__ import annotations

import hashlib
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

    def close(self) -> None:
        """Close the connection."""
        self.database.client.close()

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

    def done(self, fid: str, seconds: float = 60.0) -> dict[str, Any]:
        """Wait for a job that must end well, and return it."""
        job = self.ended(fid, seconds)
        assert job["state"] == "done", job
        return job

    def files(self, bucket: str, fid: str) -> list[str]:
        """Return the ids of a job's files in a bucket."""
        ids = {"$in": [fid, *self._epochs(fid)]}
        return sorted(str(file["_id"]) for file in self.database[f"{bucket}.files"].find({"_id": ids}))

    def chunks(self, bucket: str, fid: str) -> int:
        """Count the chunks of a job in a bucket, whether or not a file names them."""
        return sum(self.chunks_named(bucket, one) for one in [fid, *self._epochs(fid)])

    def chunks_named(self, bucket: str, file_id: str) -> int:
        """Count the chunks of one file."""
        return self.database[f"{bucket}.chunks"].count_documents({"files_id": file_id})

    def stored(self, bucket: str) -> set[str]:
        """Return the ids of all files of a bucket."""
        return {str(file["_id"]) for file in self.database[f"{bucket}.files"].find({}, {"_id": 1})}

    def orphans(self, bucket: str) -> set[str]:
        """Return the ids of chunks without a file; this reads everything stored."""
        return {str(fid) for fid in self.database[f"{bucket}.chunks"].distinct("files_id")} - self.stored(bucket)

    def unended(self) -> list[dict[str, Any]]:
        """Return the unfinished jobs."""
        return list(self.database.jobs.find({"state": {"$nin": list(ENDED)}}))

    def forget_ended(self) -> None:
        """Delete all finished jobs and their files, as if they had expired long ago."""
        over = {"state": {"$in": list(ENDED)}, "mail.state": {"$in": ["none", "sent", "failed"]}}
        fids = [str(job["_id"]) for job in self.database.jobs.find(over, {"_id": 1})]
        files = [one for fid in fids for one in (fid, *self._epochs(fid))]
        for bucket in ("videos", "mp3s"):
            self.database[f"{bucket}.files"].delete_many({"_id": {"$in": files}})
            self.database[f"{bucket}.chunks"].delete_many({"files_id": {"$in": files}})
        self.database.jobs.delete_many({"_id": {"$in": fids}})

    def replace_video(self, fid: str, content: bytes) -> None:
        """Replace a stored video, as if upload had accepted these bytes."""
        self.database["videos.chunks"].delete_many({"files_id": fid})
        self.database["videos.chunks"].insert_one({"files_id": fid, "n": 0, "data": content})
        digest = hashlib.sha256(content).hexdigest()
        described = {"length": len(content), "metadata.sha256": digest}
        assert self.database["videos.files"].update_one({"_id": fid}, {"$set": described}).matched_count == 1
        self.database.jobs.update_one({"_id": fid}, {"$set": {"size": len(content), "sha256": digest}})

    def _epochs(self, fid: str) -> list[str]:
        found = self.database.jobs.find_one({"_id": fid})
        return [f"{fid}.{epoch}" for epoch in range(1, (found or {}).get("epoch", 0) + 2)]
