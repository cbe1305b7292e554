"""Multipart: what Python's own parser of MIME reads in the body."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest

from functions.backends.files import CHUNK_BYTES, MP3S, Reader
from functions.common import errors
from functions.common.errors import Failure
from functions.download.multipart import Parts
from functions.download.ranges import Span
from tests.unit.in_memory import System

CONTENT = bytes(range(256)) * (CHUNK_BYTES // 256) + b"\r\n--end"
SPANS = [Span(CHUNK_BYTES - 2, len(CONTENT)), Span(0, 3), Span(500, 501)]


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
def reader(system: System) -> Reader:
    with system.files.write(MP3S, "a") as writer:
        writer.write(CONTENT)
        writer.finish()
    found = system.files.read(MP3S, "a")
    assert found is not None
    return found


def test_each_part_has_its_type_its_range_and_its_bytes(reader: Reader) -> None:
    parts = Parts(reader, SPANS, "audio/mpeg")
    body = b"".join(parts.blocks())
    assert len(body) == parts.length
    whole = message_from_bytes(
        f"Content-Type: {parts.content_type}\r\n\r\n".encode() + body, policy=policy.HTTP.clone(raise_on_defect=True)
    )
    assert whole.get_content_type() == "multipart/byteranges"
    found = [(part["Content-Range"], part.get_payload(decode=True)) for part in whole.iter_parts()]
    length = len(CONTENT)
    assert found == [
        (f"bytes {CHUNK_BYTES - 2}-{length - 1}/{length}", CONTENT[-9:]),
        (f"bytes 0-2/{length}", b"\0\1\2"),
        (f"bytes 500-500/{length}", b"\xf4"),
    ]
    assert {part.get_content_type() for part in whole.iter_parts()} == {"audio/mpeg"}
    assert whole.epilogue in (None, "")


def test_nobody_knows_the_boundary_in_advance(reader: Reader) -> None:
    assert len({Parts(reader, SPANS, "audio/mpeg").content_type for _ in range(5)}) == 5


def test_a_first_part_that_cannot_be_read_fails_at_once(reader: Reader, system: System) -> None:
    system.database["mp3s.chunks"].documents.clear()
    with pytest.raises(Failure) as failure:
        next(Parts(reader, SPANS, "audio/mpeg").blocks())
    assert failure.value.kind is errors.UNAVAILABLE
