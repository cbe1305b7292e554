"""How fast the engine makes an MP3 of a film on the disk, beside moviepy and a plain ffmpeg, and how near the floor."""

from __future__ import annotations

from pathlib import Path

from functions.common import cgroups
from tests.bench import engine_run, peers
from tests.bench.comparison import interleaved, print_table
from tests.bench.targets import Target
from tests.bench.ways import KILOBITS, Way, memory_target, rate_target
from tests.media.movies import movie

OURS, ONE = "ours", "ours, one encoder"
WRITE, EXTRACT, PLAIN = "moviepy write_audiofile", "moviepy ffmpeg_extract_audio", "plain ffmpeg"
DECODE = "decoding alone"
FASTER = {WRITE: 1.7, EXTRACT: 1.7, PLAIN: 1.5}
CPU_MOST = 1.15
HOUR = 3600


def measure(folder: Path, minutes: float, rounds: int) -> list[Target]:
    """Measure all ways in turn, print them, and return what ours had to reach."""
    seconds = round(minutes * 60)
    film = movie(folder, seconds)
    target = folder / "out.mp3"
    made = {
        OURS: engine_run.command(film, target, bitrate=KILOBITS),
        ONE: engine_run.command(film, target, bitrate=KILOBITS, encoders=1),
        WRITE: peers.moviepy_command("write_audiofile", film, target, KILOBITS),
        EXTRACT: peers.moviepy_command("extract_audio", film, target, KILOBITS),
        PLAIN: peers.ffmpeg_command(film, target, KILOBITS),
    }
    ways = {name: Way(command, seconds, target) for name, command in made.items()}
    ways[DECODE] = Way(peers.decode_command(film), seconds, None)
    interleaved(ways, rounds)
    print_ways(ways, seconds)
    print_floor(ways)
    return targets(ways, minutes)


def print_ways(ways: dict[str, Way], seconds: float) -> None:
    """Print what each way cost."""
    head = ("", "s", "spread", "with start s", "CPU s", "CPU s/h of audio", "PSS MB", "kbit/s", "ours is faster by")
    rows = []
    for name, way in ways.items():
        spread = [run.seconds for run in way.runs]
        figures = (way.usage.elapsed, way.usage.cpu, way.usage.cpu / seconds * HOUR)
        cells = [f"{way.usage.seconds:.2f}", f"{min(spread):.2f} to {max(spread):.2f}"]
        cells += [*(f"{figure:.2f}" for figure in figures), f"{way.megabytes:.0f}", f"{way.kilobits:.1f}"]
        rows.append((name, *cells, f"{way.usage.seconds / ways[OURS].usage.seconds:.2f}"))
    print_table(head, rows)


def print_floor(ways: dict[str, Way]) -> None:
    """Print how fast it could be, and what all cores do while ours works."""
    ours, decode, plain = (ways[name].usage for name in (OURS, DECODE, PLAIN))
    encoding = plain.cpu - decode.cpu
    count = cgroups.cpus()
    floor = decode.seconds + encoding / count
    print(f"the floor: {decode.seconds:.2f} s of decoding + {encoding:.2f} s of encoding / {count} = {floor:.2f} s")
    print(f"above it: {1 - floor / ours.seconds:.0%} of ours; plain ffmpeg takes {plain.seconds / floor:.2f} floors")
    whole = ours.elapsed * count
    spent = {
        "decoding": decode.cpu,
        "encoding": encoding,
        "all else (moving samples, warm-up frames, joining, checking, starting)": ours.cpu - decode.cpu - encoding,
        "idle": whole - ours.cpu,
    }
    rows = [(name, f"{seconds:.2f}", f"{seconds / whole:.0%}") for name, seconds in spent.items()]
    print_table((f"what {count} cores do while ours runs", "core-s", "share"), rows)


def targets(ways: dict[str, Way], minutes: float) -> list[Target]:
    """Return what ours had to reach."""
    ours, about = ways[OURS], f"{minutes:g} min: "
    found = [
        Target(f"{about}faster than {name}", ways[name].usage.seconds / ours.usage.seconds, least)
        for name, least in FASTER.items()
    ]
    cpu = ours.usage.cpu / ways[PLAIN].usage.cpu
    found.append(Target(f"{about}processor time of plain ffmpeg's", cpu, most=CPU_MOST))
    found += [memory_target(f"{about}memory of {name}", ways[name].megabytes) for name in (OURS, ONE)]
    found += [rate_target(f"{about}bit rate of {name}", ways[name].kilobits) for name in (OURS, ONE, *FASTER)]
    return found
