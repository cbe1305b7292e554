"""How much memory a 1 GB video costs each function, alone and four at once; exits with 1 above a limit."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tests.bench import transfer
from tests.bench.comparison import print_table
from tests.bench.memory import held, watching
from tests.bench.system import System, started
from tests.media.large import large_video, large_video_seconds
from tests.media.tone import assert_tone
from tests.media.videos import tone_video

MEGABYTES = 1000
MEGABYTE = 1_000_000
AT_ONCE = 4
LIMITS = {"upload": 64, "convert": 150, "download": 32}
HERTZ = 440

Result = TypeVar("Result")


def main() -> int:
    """Measure, print, and return 1 when a limit was passed."""
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, started() as system:
        video = large_video(Path(folder), MEGABYTES, HERTZ)
        for count in (1, AT_ONCE):
            fresh = {function: fresh_process(system, function) for function in LIMITS}
            warm_up(system, Path(folder))
            rows += [(row[0], fresh[row[0].split(",")[0]], *row[1:]) for row in measure(system, video, count)]
    print_table(("", "fresh MB", "idle MB", "peak MB", "growth MB", "limit MB", ""), rows)
    return 1 if any(row[-1] == "TOO MUCH" for row in rows) else 0


def fresh_process(system: System, function: str) -> str:
    """Restart a function, and return the megabytes it holds before its first request."""
    system.restart(function)
    return f"{held(system.functions[function]) / MEGABYTE:.0f}"


def warm_up(system: System, folder: Path) -> None:
    """Send a small video through: the first request loads the drivers, which no later one pays for."""
    fid = transfer.upload_raw(system.functions["upload"], system.token, tone_video(folder, HERTZ))
    assert_tone(system.converted(fid), HERTZ, 3.0)
    system.stop("connector")
    system.forget(fid)


def measure(system: System, video: Path, count: int) -> list[tuple[str, ...]]:
    """Send that many videos at once through upload, then, with the connector started, convert, then download."""
    rows = []
    fids: list[str] = []

    def upload() -> None:
        fids.extend(at_once(count, lambda number: transfer.upload_raw(system.functions["upload"], system.token, video)))

    def convert() -> None:
        system.start("connector")
        for fid in fids:
            assert_tone(system.converted(fid), HERTZ, large_video_seconds(MEGABYTES))

    def download() -> None:
        lengths = at_once(
            count, lambda number: transfer.download(system.functions["download"], system.token, fids[number])
        )
        assert lengths == [video.stat().st_size] * count

    rows.append(grown(system, "upload", count, upload))
    rows.append(grown(system, "convert", count, convert))
    for fid in fids:
        # The sound of a 1 GB video is small; a file as large as the video shows what download holds.
        system.replace_mp3(fid, video)
    rows.append(grown(system, "download", count, download))
    for fid in fids:
        system.forget(fid)
    return rows


def grown(system: System, function: str, count: int, work: Callable[[], None]) -> tuple[str, ...]:
    """Do the work, and return a row of how much a function's memory grew."""
    url = system.functions[function]
    with watching(url) as watched:
        work()
    limit = LIMITS[function] * count
    verdict = "ok" if watched.growth <= limit * MEGABYTE else "TOO MUCH"
    figures = (watched.before / MEGABYTE, watched.peak / MEGABYTE, watched.growth / MEGABYTE, limit)
    print(
        f"{function} x {count}: {watched.growth / MEGABYTE:.0f} MB more, {held(url) / MEGABYTE:.0f} MB after",
        flush=True,
    )
    return (f"{function}, {count} at once", *(f"{figure:.0f}" for figure in figures), verdict)


def at_once(count: int, work: Callable[[int], Result]) -> list[Result]:
    """Do the same work that many times at once."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


if __name__ == "__main__":
    sys.exit(main())
