"""Run our engine on one file in a process of its own, so that all of it can be measured as its peers are.

`python -m tests.bench.engine_run VIDEO TARGET [--bitrate 192] [--encoders N]` prints how many seconds the work took.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

# A function that has converted before has these loaded.
import imageio_ffmpeg  # noqa: F401
import mutagen.mp3  # noqa: F401

from functions.common.options import Options
from functions.convert import engine
from functions.convert.limits import Limits
from functions.convert.watch import Watch

LIMIT_SECONDS = 3600.0
LIMITS = Limits(12 * 3600.0, 2**31)


def main() -> None:
    """Convert as the command line says."""
    arguments = _arguments()
    # As in the function, the video lies alone in a folder; a link, because copying it is not part of the engine.
    with tempfile.TemporaryDirectory(prefix="engine-", dir=arguments.target.parent) as folder:
        source, made = Path(folder) / "in", Path(folder) / "out.mp3"
        source.hardlink_to(arguments.video)
        start = time.perf_counter()
        ours(source, made, Options(bitrate=arguments.bitrate), arguments.encoders)
        print(time.perf_counter() - start)
        made.rename(arguments.target)


def ours(source: Path, target: Path, options: Options, encoders: int) -> None:
    """Convert with our engine."""
    watch = Watch(time.monotonic() + LIMIT_SECONDS)
    engine.convert(source, target, options, watch, limits=LIMITS, encoders=encoders)


def command(video: Path, target: Path, *, bitrate: int | None, encoders: int = 0) -> list[str]:
    """Return the command that starts this module."""
    words = [sys.executable, "-m", "tests.bench.engine_run", str(video), str(target)]
    words += ["--bitrate", str(bitrate)] if bitrate else []
    return [*words, "--encoders", str(encoders)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("video", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--bitrate", type=int, help="kbit/s; without it, no option is given")
    parser.add_argument("--encoders", type=int, default=0, help="how many at once; without it, the engine chooses")
    return parser.parse_args()


if __name__ == "__main__":
    main()
