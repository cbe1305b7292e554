"""Segments: frames are written in the sound's order, whichever encoder is first, and not beyond the size limit."""

from __future__ import annotations

import io

import pytest

from functions.common import errors
from functions.common.errors import Failure
from functions.convert import mp3
from functions.convert.limits import Limits
from functions.convert.segments import Segment, Segments

KIND = mp3.Kind(0, 8000, 1)


def made(limit: int = 1000) -> tuple[Segments, io.BytesIO]:
    """Return segments, and the file that they are written to."""
    target = io.BytesIO()
    return Segments(mp3.Stream(KIND, 8), target, Limits(1.0, limit)), target


def add(segment: Segment, *frames: bytes) -> None:
    """Add frames to a segment, like a lane does."""
    for frame in frames:
        segment.waiting += frame
        segment.sizes.append(len(frame))


def test_segments_are_written_in_order() -> None:
    segments, target = made()
    first, last = segments.append(), segments.append()
    middle = segments.insert_after(first)
    add(last, b"55", b"6")
    add(middle, b"4")
    segments.write()
    assert (target.getvalue(), segments.frames, segments.stream.frames) == (b"", 3, 0)
    add(first, b"1", b"22")
    segments.write()
    assert target.getvalue() == b"122"
    middle.complete = last.complete = True
    add(first, b"3")
    segments.write()
    assert target.getvalue() == b"1223"
    assert not segments.all_written
    first.complete = True
    segments.write()
    assert target.getvalue() == b"12234556"
    assert segments.all_written
    assert (segments.frames, segments.stream.frames, segments.stream.length) == (6, 6, 8)


def test_waiting_frames_count_for_the_limit() -> None:
    segments, target = made(limit=10)
    first, second = segments.append(), segments.append()
    add(first, b"12345")
    add(second, b"67890")
    segments.write()
    assert target.getvalue() == b"12345"
    add(second, b"+")
    with pytest.raises(Failure) as failure:
        segments.write()
    assert failure.value.kind is errors.MP3_TOO_LARGE


def test_the_limit_is_inclusive() -> None:
    limits = Limits(2.5, 10)
    limits.check_seconds(2.5)
    limits.check_length(10)
    with pytest.raises(Failure) as failure:
        limits.check_seconds(2.501)
    assert failure.value.kind is errors.TOO_LONG
    with pytest.raises(Failure) as failure:
        limits.check_length(11)
    assert failure.value.kind is errors.MP3_TOO_LARGE
