"""How fast download sends MP3s, beside a bare loop over GridFS; what it holds; one reader beside 50 slow ones.

The loop sends its bytes nowhere. Beside it stands the same loop served by Flask, and who takes how much processor time,
because clients, download and database share the machine. Exits with 1 when a target is missed.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import gridfs

from tests.bench import plain_download, transfer
from tests.bench.comparison import interleaved, print_comparison, print_table
from tests.bench.memory import watching
from tests.bench.shares import Shares
from tests.bench.slow_peers import Peer, at_work
from tests.bench.system import CHUNK_BYTES, System, served, started
from tests.bench.targets import Target, print_targets
from tests.clients import web
from tests.media.another import another_file
from tests.media.large import large_video
from tests.media.videos import tone_video

MEGABYTE = 1_000_000
MEGABYTES = 600  # so that starting curl does not count
SHORT_MEGABYTES = 100
ROUNDS = 9
BARE, SERVED, OURS, GATEWAY, ZIP, THEIRS = (
    "bare loop over GridFS",
    "the bare loop, served by Flask",
    "download",
    "download, by the gateway",
    "archive of two",
    "pymongo's GridOut",
)
PLAIN = (
    "--worker-class",
    "gthread",
    "--threads",
    "4",
    "--timeout",
    "0",
    "--no-control-socket",
    "tests.bench.plain_download:app",
)
LEAST_RATIO = 0.9
GROWTH_MOST_MEGABYTES = 32.0
SLOW_READERS = 50
SLOW_USERS = 2  # a user may have a quarter of the threads
SLOW_BYTES_A_SECOND = 2**15  # a little more than what ends a connection
SETTLE_SECONDS = 15
LEAST_BESIDE = 0.5


def main() -> int:
    """Measure, print, and return 1 when a target was missed."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, started() as system:
        fids = [stored(system, Path(folder), MEGABYTES) for _ in range(2)]
        targets = speed(system, fids)
        targets += beside_slow_readers(system, Path(folder), fids[0])
        targets += memory(system, Path(folder), fids)
    return 0 if print_targets(targets) else 1


def stored(system: System, folder: Path, megabytes: int, token: str = "") -> str:
    """Return a finished job whose MP3 has been replaced by a file of this size."""
    token = token or system.token
    fid = transfer.upload_raw(system.functions["upload"], token, another_file(tone_video(folder, 440)))
    system.inspector.done(fid)
    system.replace_mp3(fid, large_video(folder, megabytes))
    return fid


def speed(system: System, fids: list[str]) -> list[Target]:
    """Read files by each way in turn."""
    url, fid = system.functions["download"], fids[0]
    file_id = system.inspector.job(fid)["mp3"]["file_id"]
    names = {"BENCH_MONGODB_URL": system.mongodb_url, "BENCH_MONGODB_DATABASE": system.database.name}
    with served(*PLAIN, environment={**os.environ, **names}) as plain:
        ways = {
            BARE: lambda: bare(system, file_id),
            SERVED: lambda: transfer.fetch(f"{plain}{file_id}", system.token),
            OURS: lambda: transfer.download(url, system.token, fid),
            GATEWAY: lambda: transfer.download(f"{system.gateway}/download", system.token, fid),
            ZIP: lambda: transfer.archive(url, system.token, fids),
            THEIRS: lambda: theirs(system, file_id),
        }
        shares = Shares(system, "download")
        measured = interleaved({name: rate(shares.measured(name, way)) for name, way in ways.items()}, ROUNDS)
    print_comparison(measured, "MB/s")
    shares.print()
    return [
        Target(f"{name}, beside a {BARE}", beside(measured, name, BARE), least=LEAST_RATIO) for name in (OURS, ZIP)
    ] + [Target(f"{OURS}, beside {SERVED}", beside(measured, OURS, SERVED), least=LEAST_RATIO)]


def beside(measured: Mapping[str, list[float]], one: str, other: str) -> float:
    """Return how many times as fast one way is as another, in the same round: the machine may be slow for some."""
    return median(each / base for each, base in zip(measured[one], measured[other], strict=True))


def bare(system: System, file_id: str) -> int:
    """Read a file, and send it nowhere."""
    return sum(map(len, plain_download.chunks(system.database, file_id)))


def theirs(system: System, file_id: str) -> int:
    """Read a file by pymongo's own GridFS."""
    file = gridfs.GridFS(system.database, "mp3s").get(file_id)
    length = 0
    while piece := file.read(CHUNK_BYTES):
        length += len(piece)
    return length


def rate(way: Callable[[], int]) -> Callable[[], float]:
    """Return a measure of megabytes a second of a way that returns how many bytes it has read."""

    def measure() -> float:
        start = time.perf_counter()
        length = way()
        return length / MEGABYTE / (time.perf_counter() - start)

    return measure


def beside_slow_readers(system: System, folder: Path, fid: str) -> list[Target]:
    """Read a file alone, beside slow readers, and alone again."""
    url, slow = system.functions["download"], list[Peer]()
    for number in range(SLOW_USERS):
        user = system.another_user(f"slow{number}@example.org")
        token = web.login(system.functions["login"], user.email, user.password)
        asking = head(url, token, stored(system, folder, SHORT_MEGABYTES, token))
        slow += [Peer(url, asking, taken=SLOW_BYTES_A_SECOND)] * (SLOW_READERS // SLOW_USERS)
    measure = rate(lambda: transfer.download(url, system.token, fid))
    alone = [measure() for _ in range(ROUNDS)]
    with at_work(slow) as seen:
        time.sleep(SETTLE_SECONDS)
        crowded = [measure() for _ in range(ROUNDS)]
    alone += [measure() for _ in range(ROUNDS)]
    print(f"slow readers that ended, by the response's status: {dict(seen.ended)}")
    print_comparison({"alone": alone, f"beside {SLOW_READERS} slow readers": crowded}, "MB/s")
    return [Target("a reader beside slow ones", median(crowded) / median(alone), least=LEAST_BESIDE)]


def head(url: str, token: str, fid: str) -> bytes:
    """Return a request for an MP3."""
    parts = urlsplit(url)
    lines = [f"GET /?fid={fid} HTTP/1.1", f"Host: {parts.netloc}", f"Authorization: Bearer {token}", "", ""]
    return "\r\n".join(lines).encode()


def memory(system: System, folder: Path, fids: list[str]) -> list[Target]:
    """Watch what the function holds while it sends short and long files, one after another."""
    url = system.functions["download"]
    short = stored(system, folder, SHORT_MEGABYTES)
    ways: dict[str, Callable[[], int]] = {
        f"{SHORT_MEGABYTES} MB": lambda: transfer.download(url, system.token, short),
        f"{MEGABYTES} MB": lambda: transfer.download(url, system.token, fids[0]),
        f"archive of {2 * MEGABYTES + SHORT_MEGABYTES} MB": lambda: transfer.archive(url, system.token, [short, *fids]),
    }
    rows, targets = [], []
    for name, way in ways.items():
        system.restart("download")
        transfer.download(url, system.token, short)  # loads the drivers
        with watching(url) as watched:
            way()
        growth = watched.growth / MEGABYTE
        rows.append((name, f"{watched.before / MEGABYTE:.0f}", f"{watched.peak / MEGABYTE:.0f}", f"{growth:.0f}"))
        targets.append(Target(f"memory for {name}", growth, most=GROWTH_MOST_MEGABYTES, unit="MB"))
    print_table(("", "before MB", "peak MB", "growth MB"), rows)
    return targets


if __name__ == "__main__":
    sys.exit(main())
