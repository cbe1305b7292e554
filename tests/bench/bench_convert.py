"""How fast and lean convert is, beside moviepy, ffmpeg and the tutorials' step; exits with 1 when a target is missed.

Both sides of each comparison make an MP3 of 192 kbit/s at LAME's quality 3 from the same 720p film, in turn.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from functions.common import cgroups
from tests.bench import (
    convert_again,
    convert_copy,
    convert_pair,
    convert_peaks,
    convert_quality,
    convert_size,
    convert_speed,
    convert_step,
)
from tests.bench.system import started
from tests.bench.targets import Target, print_targets

MINUTES = (10.0, 60.0)
ROUNDS = 3
# A round of films longer than this takes minutes.
LONG_MINUTES = 30
ROUNDS_WHEN_LONG = 2
LEAST_MINUTES = 0.1


def main() -> int:
    """Measure, print, and return 1 when a target was missed."""
    arguments = parse(sys.argv[1:])
    targets: list[Target] = []
    # /var/tmp is a disk even where /tmp is memory.
    disk = os.environ.get("TMPDIR", "/var/tmp")  # noqa: S108 - TemporaryDirectory makes its own folder in it
    with tempfile.TemporaryDirectory(prefix="bench-", dir=disk) as folder:
        for name in arguments.only or PARTS:
            print(f"\n{name}, {cgroups.cpus()} cores: {PARTS[name].__doc__}", flush=True)
            targets += PARTS[name](Path(folder), arguments)
    return 0 if print_targets(targets) else 1


def speed(folder: Path, arguments: argparse.Namespace) -> list[Target]:
    """From a film on the disk to an MP3 on the disk."""
    return each_length(arguments, lambda minutes, rounds: convert_speed.measure(folder, minutes, rounds))


def e2e(folder: Path, arguments: argparse.Namespace) -> list[Target]:
    """From a video in GridFS to an MP3 in GridFS."""
    with started() as system:
        # The events are posted by the benchmark.
        system.stop("connector")
        return each_length(arguments, lambda minutes, rounds: convert_step.measure(system, folder, minutes, rounds))


def pair(folder: Path, arguments: argparse.Namespace) -> list[Target]:
    """Two films at once in one function."""
    with started() as system:
        system.stop("connector")
        return shortest(arguments, lambda minutes, rounds: convert_pair.measure(system, folder, minutes, rounds))


def again(folder: Path, arguments: argparse.Namespace) -> list[Target]:
    """A video that the same user sent before."""
    with started() as system:
        system.stop("connector")
        return each_length(arguments, lambda minutes, rounds: convert_again.measure(system, folder, minutes, rounds))


def copy(folder: Path, arguments: argparse.Namespace) -> list[Target]:
    """A film whose sound is an MP3 already."""
    return shortest(arguments, lambda minutes, rounds: convert_copy.measure(folder, minutes, rounds))


def peaks(folder: Path, arguments: argparse.Namespace) -> list[Target]:
    """What the waveform costs."""
    return shortest(arguments, lambda minutes, rounds: convert_peaks.measure(folder, minutes, rounds))


def quality(folder: Path, arguments: argparse.Namespace) -> list[Target]:
    """What the bit reservoir would give."""
    return convert_quality.measure(folder)


def size(folder: Path, arguments: argparse.Namespace) -> list[Target]:
    """What the bit reservoir gives, put back after the frames are joined."""
    return convert_size.measure(folder)


PARTS = {
    "speed": speed,
    "e2e": e2e,
    "pair": pair,
    "again": again,
    "copy": copy,
    "peaks": peaks,
    "quality": quality,
    "size": size,
}
Measure = Callable[[float, int], list[Target]]


def each_length(arguments: argparse.Namespace, measure: Measure) -> list[Target]:
    """Measure films of every length that was asked for."""
    return [target for minutes in arguments.minutes for target in measure(minutes, rounds(arguments, minutes))]


def shortest(arguments: argparse.Namespace, measure: Measure) -> list[Target]:
    """Measure films of the shortest length that was asked for."""
    minutes = min(arguments.minutes)
    return measure(minutes, rounds(arguments, minutes))


def rounds(arguments: argparse.Namespace, minutes: float) -> int:
    """Return how many rounds count, after the one that does not."""
    return arguments.rounds or (ROUNDS_WHEN_LONG if minutes > LONG_MINUTES else ROUNDS)


def parse(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="./local/bench convert", description=__doc__)
    parser.add_argument("--minutes", type=length, nargs="+", default=MINUTES, help="lengths of the films (10 60)")
    parser.add_argument(
        "--rounds",
        type=count,
        metavar="N",
        help=f"rounds that count ({ROUNDS}, {ROUNDS_WHEN_LONG} for more than {LONG_MINUTES} minutes)",
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, help="parts to measure (all)")
    return parser.parse_args(words)


def length(value: str) -> float:
    """Read a film's length in minutes."""
    minutes = float(value)
    if not LEAST_MINUTES <= minutes <= MINUTES[-1]:
        raise argparse.ArgumentTypeError(f"must be from {LEAST_MINUTES:g} to {MINUTES[-1]:g}")
    return minutes


def count(value: str) -> int:
    """Read a number of rounds."""
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError("must be a whole number from 1")
    return int(value)


if __name__ == "__main__":
    sys.exit(main())
