"""How large our VBR is, beside that of LAME with its own bit reservoir."""

from __future__ import annotations

from pathlib import Path

from tests.bench import engine_run, peers, program
from tests.bench.comparison import print_table
from tests.bench.targets import Target
from tests.media.movies import movie

SECONDS = 300
QUALITY = 2  # ours without an option
PERCENT_MOST = 100.5


def measure(folder: Path) -> list[Target]:
    """Encode five minutes with LAME, with and without its reservoir, and with our engine; print the sizes."""
    film, target = movie(folder, SECONDS), folder / "size.mp3"
    with_reservoir, ours = "plain ffmpeg, bit reservoir on", "ours"
    ways = {
        with_reservoir: peers.vbr_command(film, target, QUALITY, "-reservoir", "1"),
        "plain ffmpeg, bit reservoir off": peers.vbr_command(film, target, QUALITY, "-reservoir", "0"),
        ours: engine_run.command(film, target, bitrate=None),
    }
    sizes = {}
    for name, command in ways.items():
        program.run(command)
        sizes[name] = target.stat().st_size
        target.unlink()
    percents = {name: 100 * size / sizes[with_reservoir] for name, size in sizes.items()}
    rows = [(name, f"{size:,}", f"{percents[name]:.2f}") for name, size in sizes.items()]
    print_table((f"VBR {QUALITY}, {SECONDS} s", "bytes", "percent"), rows)
    return [Target("size beside LAME's with a bit reservoir", percents[ours], most=PERCENT_MOST, unit="percent")]
