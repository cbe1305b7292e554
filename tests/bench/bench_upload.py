"""How fast upload stores a video, beside a bare loop of GridFS writes and the way most would write it.

For several at once, also who takes how much processor time, because clients, upload and database share the machine.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pymongo
from bson import ObjectId

from tests.bench import transfer
from tests.bench.comparison import interleaved, print_comparison
from tests.bench.shares import Shares, Way
from tests.bench.system import System, served, started
from tests.media.large import large_video

MEGABYTES = 200
MEGABYTE = 1_000_000
ROUNDS = 5
CHUNK_BYTES = 2**20
CHUNKS_AT_ONCE = 4
AT_ONCE = 4


def main() -> None:
    """Measure all ways in turn and print how they compare."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, started() as system:
        # No conversion may run at the same time.
        system.stop("connector")
        video = large_video(Path(folder), MEGABYTES)
        with plain_upload(system) as plain:
            ways = {
                "bare GridFS writes": lambda: bare(system, video),
                "upload, raw body": lambda: ours(system, video, transfer.upload_raw),
                "upload, form": lambda: ours(system, video, transfer.upload_form),
                "raw body, by the gateway": lambda: ours(system, video, transfer.upload_raw, system.gateway),
                "form, by the gateway": lambda: ours(system, video, transfer.upload_form, system.gateway),
                "Flask form and fs.put": lambda: theirs(system, video, plain),
            }
            measured = interleaved({name: rate(way, video) for name, way in ways.items()}, ROUNDS)
            several = {
                f"bare GridFS writes, {AT_ONCE} at once": lambda: bare(system, video),
                f"upload, raw body, {AT_ONCE} at once": lambda: ours(system, video, transfer.upload_raw),
                f"upload, form, {AT_ONCE} at once": lambda: ours(system, video, transfer.upload_form),
            }
            shares = Shares(system, "upload")
            ways_together = {name: shares.measured(name, at_once(way)) for name, way in several.items()}
            together = interleaved({name: rate(way, video, AT_ONCE) for name, way in ways_together.items()}, ROUNDS)
    print_comparison(measured, "MB/s")
    print_comparison(together, "MB/s")
    shares.print()


def at_once(way: Way) -> Way:
    """Return a way that does this several times at once."""

    def all_of_them() -> Callable[[], object]:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            cleaners = [each.result() for each in [pool.submit(way) for _ in range(AT_ONCE)]]
        return lambda: [clean() for clean in cleaners]

    return all_of_them


def rate(way: Way, video: Path, videos: int = 1) -> Callable[[], float]:
    """Return a measure of megabytes a second; cleaning up, which `way` returns, is not counted."""

    def measure() -> float:
        start = time.perf_counter()
        clean = way()
        seconds = time.perf_counter() - start
        clean()
        return videos * video.stat().st_size / MEGABYTE / seconds

    return measure


def bare(system: System, video: Path) -> Callable[[], object]:
    """Write the chunks by the GridFS specification, and nothing else."""
    chunks = system.database.get_collection("bare.chunks")
    chunks.create_index([("files_id", pymongo.ASCENDING), ("n", pymongo.ASCENDING)], unique=True)
    file_id, number = ObjectId(), 0
    with video.open("rb") as content:
        while pieces := [piece for _ in range(CHUNKS_AT_ONCE) if (piece := content.read(CHUNK_BYTES))]:
            chunks.insert_many(
                {"files_id": file_id, "n": number + index, "data": piece} for index, piece in enumerate(pieces)
            )
            number += len(pieces)
    system.database["bare.files"].insert_one({"_id": file_id, "length": video.stat().st_size, "chunkSize": CHUNK_BYTES})
    return lambda: (
        chunks.delete_many({"files_id": file_id}),
        system.database["bare.files"].delete_one({"_id": file_id}),
    )


def ours(system: System, video: Path, send: Callable[[str, str, Path], str], gateway: str = "") -> Callable[[], object]:
    """Send the video to the function upload, at its own port unless there is a gateway."""
    fid = send(f"{gateway}/upload" if gateway else system.functions["upload"], system.token, video)
    return lambda: system.forget(fid)


def theirs(system: System, video: Path, url: str) -> Callable[[], object]:
    """Send the video to the app that upload is compared with."""
    transfer.upload_form(url, system.token, video)
    return lambda: [system.database.drop_collection(f"plain.{part}") for part in ("files", "chunks")]


def plain_upload(system: System) -> AbstractContextManager[str]:
    """Serve that app as the functions are served."""
    names = {"BENCH_MONGODB_URL": system.mongodb_url, "BENCH_MONGODB_DATABASE": system.database.name}
    words = ["--worker-class", "gthread", "--threads", "4", "--timeout", "0", "--no-control-socket"]
    return served(*words, "tests.bench.plain_upload:app", environment={**os.environ, **names})


if __name__ == "__main__":
    main()
