"""Copying: sound that is already MP3 is copied frame by frame instead of being encoded again."""

from __future__ import annotations

import os
import selectors
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from functions.common import errors
from functions.common.errors import Failure
from functions.convert import ffmpeg, mp3
from functions.convert.cage import Cage
from functions.convert.limits import Limits

CODEC = "mp3"
_READ_BYTES = 2**18
_HEAD_BYTES = 4096
_TAG_HEADER_BYTES = 10
_TAGS_MOST = 8


def copy(
    source: Path, stream: int, target: BinaryIO, cage: Cage, *, limits: Limits, on_progress: Callable[[float], None]
) -> mp3.Stream:
    """Write a placeholder for the Info frame, then copy the frames of one stream.

    Raises NotMp3 if the stream cannot be copied: it has frames of several kinds, or none. Raises Failure: TOO_LONG,
    MP3_TOO_LARGE, CONVERT_TIMED_OUT or UNDECODABLE.
    """
    command = ffmpeg.command(
        *ffmpeg.opening(source),
        "-map",
        f"0:{stream}",
        "-c",
        "copy",
        "-map_metadata",
        "-1",
        "-write_xing",
        "0",
        "-id3v2_version",
        "0",
        "-flush_packets",
        "0",
        "-f",
        "mp3",
        "pipe:1",
    )
    child = cage.start(command)
    splitter, copied = mp3.Splitter(), None
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            cage.wait(selector)
            data = os.read(child.stdout.fileno(), _READ_BYTES)
            if not data:
                break
            frames = list(splitter.split(data))
            if not frames or splitter.kind is None:
                continue
            if copied is None:
                copied = mp3.Stream(splitter.kind, mp3.bitrate_of(frames[0]))
                target.write(copied.info_frame(None))
            copied.constant &= {mp3.bitrate_of(frame) for frame in frames} == {copied.bitrate}
            whole = b"".join(frames)
            target.write(whole)
            copied.add(whole, array("I", map(len, frames)))
            limits.check_seconds(copied.seconds)
            limits.check_length(copied.length)
            on_progress(copied.seconds)
    # An incomplete frame at the end is dropped.
    code = cage.code(child)
    if copied is None:
        raise mp3.NotMp3
    if code < 0:
        raise Failure(errors.UNDECODABLE)
    return copied


def gaps(source: Path) -> mp3.Gaps | None:
    """Return the gaps that an MP3 file declares in the Info frame after its ID3 tags."""
    with source.open("rb") as file:
        for _ in range(_TAGS_MOST):
            head = file.read(_HEAD_BYTES)
            if not head.startswith(b"ID3") or len(head) < _TAG_HEADER_BYTES:
                return mp3.gaps_of(head)
            # ID3v2.4 section 3.1: seven bits a byte; a footer repeats the header.
            size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
            footer = _TAG_HEADER_BYTES if head[5] & 0x10 else 0
            file.seek(_TAG_HEADER_BYTES + size + footer - len(head), os.SEEK_CUR)
    return None
