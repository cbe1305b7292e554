"""How fast upload stores a video, beside a bare loop of GridFS writes and the way most would write it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pymongo

from tests.bench import transfer
from tests.bench.comparison import interleaved, print_comparison
from tests.bench.system import System, free_port, started
from tests.clients import web
from tests.clients.waiting import until
from tests.media.large import large_video

MEGABYTES = 200
MEGABYTE = 1_000_000
ROUNDS = 5
CHUNK_BYTES = 2**20
CHUNKS_AT_ONCE = 4
START_SECONDS = 20


def main() -> None:
    """Measure all ways in turn and print how they compare."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, started() as system:
        # Nothing is to be converted meanwhile.
        system.stop("connector")
        video = large_video(Path(folder), MEGABYTES)
        with plain_upload(system) as plain:
            ways = {
                "bare GridFS writes": lambda: bare(system, video),
                "upload, raw body": lambda: ours(system, video, transfer.upload_raw),
                "upload, form": lambda: ours(system, video, transfer.upload_form),
                "Flask form and fs.put": lambda: theirs(system, video, plain),
            }
            measured = interleaved({name: rate(way, video) for name, way in ways.items()}, ROUNDS)
    print_comparison(measured, "MB/s")


def rate(way: Callable[[], Callable[[], object]], video: Path) -> Callable[[], float]:
    """Return a measure of megabytes a second; cleaning up, which `way` returns, is not counted."""

    def measure() -> float:
        start = time.perf_counter()
        clean = way()
        seconds = time.perf_counter() - start
        clean()
        return video.stat().st_size / MEGABYTE / seconds

    return measure


def bare(system: System, video: Path) -> Callable[[], object]:
    """Write the chunks by the GridFS specification, and nothing else."""
    chunks = system.database.get_collection("bare.chunks")
    chunks.create_index([("files_id", pymongo.ASCENDING), ("n", pymongo.ASCENDING)], unique=True)
    number = 0
    with video.open("rb") as content:
        while pieces := [piece for _ in range(CHUNKS_AT_ONCE) if (piece := content.read(CHUNK_BYTES))]:
            chunks.insert_many(
                {"files_id": 1, "n": number + index, "data": piece} for index, piece in enumerate(pieces)
            )
            number += len(pieces)
    system.database["bare.files"].insert_one({"_id": 1, "length": video.stat().st_size, "chunkSize": CHUNK_BYTES})
    return lambda: (system.database.drop_collection("bare.chunks"), system.database.drop_collection("bare.files"))


def ours(system: System, video: Path, send: Callable[[str, str, Path], str]) -> Callable[[], object]:
    """Send the video to the function upload."""
    fid = send(system.functions["upload"], system.token, video)
    return lambda: system.forget(fid)


def theirs(system: System, video: Path, url: str) -> Callable[[], object]:
    """Send the video to the app that upload is compared with."""
    transfer.upload_form(url, system.token, video)
    return lambda: [system.database.drop_collection(f"plain.{part}") for part in ("files", "chunks")]


@contextmanager
def plain_upload(system: System) -> Iterator[str]:
    """Serve that app as the functions are served, and yield its URL."""
    port = free_port()
    environment = {
        **os.environ,
        "BENCH_MONGODB_URL": system.mongodb_url,
        "BENCH_MONGODB_DATABASE": system.database.name,
    }
    command = [
        str(Path(sys.executable).parent / "gunicorn"),
        "--bind",
        f"127.0.0.1:{port}",
        "--worker-class",
        "gthread",
    ]
    command += ["--threads", "4", "--timeout", "0", "--no-control-socket", "tests.bench.plain_upload:app"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/"
    try:
        until(lambda: answers(url), "the plain app to answer", START_SECONDS)
        yield url
    finally:
        server.terminate()
        server.wait(START_SECONDS)


def answers(url: str) -> bool:
    """Tell whether a server is there."""
    try:
        return web.call("GET", url).status > 0
    except ConnectionRefusedError:
        return False


if __name__ == "__main__":
    main()
