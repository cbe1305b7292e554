"""Files in GridFS, written and read in batches of a few megabytes according to the GridFS specification.

pymongo's own writer buffers 48 MB per upload and leaves orphaned chunks; its reader buffers over 30 MB.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from typing import Any, Self

from bson import Binary
from pymongo import ASCENDING
from pymongo.collection import Collection
from pymongo.database import Database

from functions.backends import mongodb
from functions.common import crash, metrics
from functions.common.errors import UNAVAILABLE, Failure

VIDEOS = "videos"
MP3S = "mp3s"

CHUNK_BYTES = 2**20
_BATCH_CHUNKS = 4  # one insert of at most 4 MB, or what is read ahead
_QUERIES = 2  # for what is read ahead: the database answers one while the other waits to be sent
_SHARED_CHUNKS = 32  # of all transfers together, beyond one chunk each


class Transfers:
    """The files that this process is writing and reading, which share its memory: the more, the smaller the batches."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0

    def __enter__(self) -> Self:
        with self._lock:
            self._running += 1
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._running -= 1

    @property
    def batch_bytes(self) -> int:
        """How large a batch may be now: whole chunks."""
        return CHUNK_BYTES * max(1, min(_BATCH_CHUNKS, _SHARED_CHUNKS // max(1, self._running)))


class Files:
    """The GridFS buckets of one database."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._database = database
        self._transfers = Transfers()
        self._indexed: set[str] = set()

    def write(self, bucket: str, file_id: str) -> Writer:
        """Return a writer for a new file, which is not visible before `finish`."""
        if bucket not in self._indexed:
            with mongodb.translated_errors():
                # The specification's indexes; the unique one keeps two writers of one id from mixing their chunks.
                chunks = [("files_id", ASCENDING), ("n", ASCENDING)]
                self._chunks(bucket).create_index(chunks, unique=True)
                self._files(bucket).create_index([("filename", ASCENDING), ("uploadDate", ASCENDING)])
            self._indexed.add(bucket)
        return Writer(self._files(bucket), self._chunks(bucket), file_id, self._transfers)

    def read(self, bucket: str, file_id: str) -> Reader | None:
        """Return a reader of a finished file, or None if there is none."""
        with mongodb.translated_errors():
            entry = self._files(bucket).find_one({"_id": file_id})
        return Reader(self._chunks(bucket), entry, self._transfers) if entry else None

    def delete(self, bucket: str, *file_ids: str) -> None:
        """Delete files and what interrupted writers left; their entries first, because readers start there."""
        with mongodb.translated_errors(), crash.around(f"{bucket}.delete"):
            self._files(bucket).delete_many({"_id": {"$in": file_ids}})
            crash.point(f"{bucket}.delete.between")
            self._chunks(bucket).delete_many({"files_id": {"$in": file_ids}})

    def _files(self, bucket: str) -> Collection[dict[str, Any]]:
        return self._database[f"{bucket}.files"]

    def _chunks(self, bucket: str) -> Collection[dict[str, Any]]:
        return self._database[f"{bucket}.chunks"]


class Writer:
    """Write one file's chunks; count and hash the bytes.

    A full batch is stored while the next one is gathered, so an upload waits only if it is faster than the database.
    A context, because nothing may be stored after an upload was aborted.
    """

    def __init__(
        self, files: Collection[dict[str, Any]], chunks: Collection[dict[str, Any]], file_id: str, transfers: Transfers
    ) -> None:
        self._files = files
        self._chunks = chunks
        self._file_id = file_id
        self._transfers = transfers
        self._buffer = bytearray()
        self._count = 0
        self._hash = hashlib.sha256()
        self._thread: ThreadPoolExecutor | None = None
        self._storing: Future[None] | None = None
        self.length = 0

    def __enter__(self) -> Self:
        self._transfers.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait until nothing is being stored any more."""
        if self._thread:
            self._thread.shutdown()
        self._transfers.__exit__()

    def write(self, data: bytes) -> None:
        """Append bytes to the file. Raises Failure, also for what was appended before."""
        self._buffer += data
        self._hash.update(data)
        self.length += len(data)
        whole = len(self._buffer) // CHUNK_BYTES * CHUNK_BYTES
        if whole >= self._transfers.batch_bytes:
            batch = self._batch(whole)
            self._await_stored()
            self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="chunks")
            self._storing = self._thread.submit(self._store, batch)

    def finish(self, **metadata: Any) -> str:
        """Make the file visible, with a few kilobytes of metadata at most; return its SHA-256 in hexadecimal."""
        self._await_stored()
        while self._buffer:
            self._store(self._batch(len(self._buffer)))
        digest = self._hash.hexdigest()
        entry = {
            "_id": self._file_id,
            "length": self.length,
            "chunkSize": CHUNK_BYTES,
            "uploadDate": datetime.now(UTC),
            "filename": self._file_id,
            "metadata": {"sha256": digest} | metadata,
        }
        with mongodb.translated_errors(), crash.around(self._files.name):
            self._files.insert_one(entry)
        return digest

    def _batch(self, size: int) -> list[dict[str, Any]]:
        """Take chunks of this many bytes from the buffer, but not more than fit into one insert."""
        size = min(size, CHUNK_BYTES * _BATCH_CHUNKS)
        with memoryview(self._buffer) as view:
            batch = [
                {
                    "files_id": self._file_id,
                    "n": self._count + n,
                    "data": Binary(view[start : min(start + CHUNK_BYTES, size)]),
                }
                for n, start in enumerate(range(0, size, CHUNK_BYTES))
            ]
        del self._buffer[:size]
        self._count += len(batch)
        return batch

    def _store(self, batch: list[dict[str, Any]]) -> None:
        with mongodb.translated_errors(), crash.around(self._chunks.name):
            self._chunks.insert_many(batch)
        size = sum(len(chunk["data"]) for chunk in batch)
        metrics.count(metrics.BYTES, _bucket(self._chunks), metrics.WRITTEN, amount=size)

    def _await_stored(self) -> None:
        if self._storing:
            self._storing.result()


class Reader:
    """Read a file, or a part of it, a few chunks at a time."""

    def __init__(self, chunks: Collection[dict[str, Any]], entry: dict[str, Any], transfers: Transfers) -> None:
        self._chunks = chunks
        self._entry = entry
        self._transfers = transfers
        self.length: int = entry["length"]
        self.stored_at: datetime = entry["uploadDate"]
        self.metadata: dict[str, Any] = entry.get("metadata", {})

    def blocks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` up to, not including, `stop`.

        Raises Failure(UNAVAILABLE) if a chunk is missing or truncated, so that no truncated file looks complete.
        """
        stop = self.length if stop is None else stop
        size: int = self._entry["chunkSize"]
        if start >= stop:
            return
        last = (stop - 1) // size
        for number, data in enumerate(self._chunks_from(start // size, last, size), start // size):
            begin = number * size
            if len(data) != min(size, self.length - begin):
                raise Failure(UNAVAILABLE)
            block = data[max(start - begin, 0) : stop - begin]
            metrics.count(metrics.BYTES, _bucket(self._chunks), metrics.READ, amount=len(block))
            yield block

    def _chunks_from(self, first: int, last: int, size: int) -> Iterator[bytes]:
        # One thread asks for one batch after the other, so that the database does not wait until one has been sent.
        with self._transfers, ThreadPoolExecutor(1, thread_name_prefix="chunks") as prefetcher:
            coming: deque[Future[list[bytes]]] = deque()
            following = first
            while coming or following <= last:
                batch = coming.popleft().result() if coming else []
                ahead = max(1, self._transfers.batch_bytes // size)
                chunks = max(1, ahead // _QUERIES)  # small ones are still in the processor's cache when they are sent
                while following <= last and len(coming) < ahead // chunks:
                    numbers = range(following, min(following + chunks, last + 1))
                    coming.append(prefetcher.submit(self._batch, numbers))
                    following = numbers.stop
                yield from batch

    def _batch(self, numbers: range) -> list[bytes]:
        query = {"files_id": self._entry["_id"], "n": {"$gte": numbers[0], "$lte": numbers[-1]}}
        with mongodb.translated_errors():
            batch = list(self._chunks.find(query, {"n": 1, "data": 1}).sort("n", 1))
        if [chunk["n"] for chunk in batch] != list(numbers):
            raise Failure(UNAVAILABLE)
        return [chunk["data"] for chunk in batch]


def _bucket(chunks: Collection[dict[str, Any]]) -> str:
    return chunks.name.removesuffix(".chunks")


@cache
def connect() -> Files:
    """Return the files of the database in the settings."""
    return Files(mongodb.connect())
