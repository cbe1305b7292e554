"""The engine: one video file in, one verified MP3 file out, by a caged ffmpeg."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from functions.common import errors
from functions.common.errors import Failure

# What may open an upload: containers of sound and pictures. Playlists and concat scripts, which name other files,
# are not among them (facts of every media library: `ffconcat` in a file called .mp4 reads its neighbours).
_DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpegts,mpeg,mpegvideo,asf,ogg,rm,mxf,mp3,wav,flac,aac,ac3,eac3,"
    "aiff,caf,amr,w64,au,dv,ivf,nut,h264,hevc,m4v"
)
_QUALITY = "2"  # LAME V2, about 190 kbit/s
_MP3_MOST_BYTES = 2**31
_LOG_MOST_BYTES = 65_536
_PROGRESS_SECONDS = 0.5
# ffmpeg tells how far the time stamps came. An MP3 is longer by LAME's delay and padding, 0.3 s at 8 kHz, and shorter
# by what is missing between the stamps of a damaged source.
_LONGER_SECONDS = 0.5
_LEAST_SHARE = 0.5
_NO_TRACK = re.compile(r"matches no streams|does not contain any stream", re.I)


@dataclass(frozen=True)
class Sound:
    """What an MP3 holds: its length in seconds."""

    duration: float


def encode(
    source: Path,
    target: Path,
    *,
    deadline: float,
    on_progress: Callable[[float], None],
    max_bytes: int = _MP3_MOST_BYTES,
) -> Sound:
    """Encode the sound of `source` as an MP3 at `target`; both lie alone in a private directory.

    `deadline` is on the monotonic clock. `on_progress` is called with the seconds done, about twice a second; what it
    raises stops the work. Raises Failure: NO_AUDIO, NOT_MEDIA, UNDECODABLE, CONVERT_TIMED_OUT or MP3_TOO_LARGE.
    """
    with open(target.with_suffix(".log"), "w+b") as words:
        child = _start(source, target, deadline, max_bytes, words)
        try:
            decoded = _follow(child, deadline, on_progress)
        finally:
            _end(child)
        if child.returncode != 0:
            raise Failure(_reason(child.returncode, target, max_bytes, words))
    return _verified(target, decoded)


def _start(source: Path, target: Path, deadline: float, max_bytes: int, words: IO[bytes]) -> subprocess.Popen[bytes]:
    limit = max(1, int((deadline - time.monotonic()) * (os.cpu_count() or 1)) + 1)
    command = [
        # ffmpeg dies with us, even when we are killed outright; its processor seconds and file size are limited.
        "/usr/bin/setpriv", "--pdeathsig", "KILL", "--no-new-privs",
        "/usr/bin/prlimit", f"--cpu={limit}", f"--fsize={max_bytes}", "--core=0",
        _ffmpeg(), "-nostdin", "-hide_banner", "-loglevel", "error", "-nostats",
        "-progress", "pipe:1", "-stats_period", str(_PROGRESS_SECONDS),
        "-protocol_whitelist", "file", "-format_whitelist", _DEMUXERS, "-i", f"file:{source}",
        "-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1",
        "-c:a", "libmp3lame", "-q:a", _QUALITY, "-f", "mp3", f"file:{target}",
    ]  # fmt: skip
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words,
        cwd=source.parent, env={}, close_fds=True, start_new_session=True,
    )  # fmt: skip


def _follow(child: subprocess.Popen[bytes], deadline: float, on_progress: Callable[[float], None]) -> float:
    """Report ffmpeg's progress until it ends; return the seconds of sound that it made."""
    seconds = 0.0
    for line in _lines(child, deadline):
        name, _, value = line.partition(b"=")
        if name == b"out_time_us" and value.strip().isdigit():
            seconds = int(value) / 1e6
            on_progress(seconds)
    return seconds


def _lines(child: subprocess.Popen[bytes], deadline: float) -> Iterator[bytes]:
    pipe = child.stdout.fileno() if child.stdout else -1
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise Failure(errors.CONVERT_TIMED_OUT)
            block = os.read(pipe, 65_536)
            if not block:
                break
            *whole, rest = (rest + block).split(b"\n")
            yield from whole
    try:
        child.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise Failure(errors.CONVERT_TIMED_OUT) from None


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdout:
        child.stdout.close()


def _reason(code: int, target: Path, max_bytes: int, words: IO[bytes]) -> errors.Kind:
    if code == -signal.SIGXCPU or code == 128 + signal.SIGXCPU:
        return errors.CONVERT_TIMED_OUT
    if target.exists() and target.stat().st_size >= max_bytes - resource.getpagesize():
        return errors.MP3_TOO_LARGE
    words.seek(0)
    said = words.read(_LOG_MOST_BYTES).decode(errors="replace")
    if _NO_TRACK.search(said):
        return errors.NO_AUDIO
    return errors.UNDECODABLE


def _verified(target: Path, decoded: float) -> Sound:
    """Return what the MP3 holds, if it is whole: exit code 0 alone proves nothing."""
    import mutagen
    from mutagen.mp3 import MP3

    try:
        made: Any = MP3(target)  # type: ignore[no-untyped-call]
        length = float(made.info.length)
    except (mutagen.MutagenError, OSError) as error:
        raise Failure(errors.UNDECODABLE) from error
    if not (decoded > 0 and decoded * _LEAST_SHARE < length < decoded * 1.01 + _LONGER_SECONDS):
        raise Failure(errors.UNDECODABLE)
    return Sound(round(length, 3))


@cache
def _ffmpeg() -> str:
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())
