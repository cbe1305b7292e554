"""Cover: the picture in the MP3, re-encoded from the attached one or from a frame of the video."""

from __future__ import annotations

from pathlib import Path

from functions.convert import ffmpeg
from functions.convert.cage import Cage
from functions.convert.probe import Media

_MOST_BYTES = 4 * 2**20
_MOST_SECONDS = 10  # of CPU time
# Never larger than the original, and with square pixels, which players expect.
_SCALED = (
    "scale=w='max(1,min(1400,iw*max(sar,1)))':h='max(1,min(1400,ih/min(max(sar,0.001),1)))'"
    ":force_original_aspect_ratio=decrease:reset_sar=1"
)


def take(source: Path, media: Media, wanted: float | str | None, cage: Cage) -> bytes | None:
    """Return a JPEG of at most 1400 x 1400 pixels and 4 MiB: the attached picture, or the frame at `wanted` seconds.

    Returns None if "none" is wanted, if there is no picture, or if it takes too much time or memory to read.
    """
    if isinstance(wanted, str):
        return None
    stream = media.picture if wanted is None else media.video
    if stream is None:
        return None
    limits = ["-timelimit", str(_MOST_SECONDS), "-threads", "1"]
    place = [] if wanted is None else ["-ss", f"{wanted:.3f}"]
    picture = ["-map", f"0:{stream}", "-frames:v", "1", "-vf", _SCALED, "-pix_fmt", "yuvj420p"]
    jpeg = ["-c:v", "mjpeg", "-q:v", "3", "-map_metadata", "-1", "-f", "mjpeg", "pipe:1"]
    command = ffmpeg.command(*limits, *place, *ffmpeg.opening(source), *picture, *jpeg)
    outcome = cage.run(command, _MOST_BYTES)
    return outcome.output if outcome.code == 0 and outcome.output else None
