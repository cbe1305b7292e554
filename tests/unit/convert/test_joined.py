"""Joined files: found by a second header, not by four bytes that happen to be the same."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from functions.common import errors
from functions.common.errors import Failure
from functions.convert import joined
from functions.convert.cage import Cage
from functions.convert.watch import Watch

WEBM = bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d")
MATROSKA = bytes.fromhex("1a45dfa3a34286810142f7810142f2810442f381084282886d6174726f736b61")
CONTENT = bytes(range(256)) * 40


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (WEBM + CONTENT, False),
        (WEBM + CONTENT + WEBM + CONTENT, True),
        (WEBM + CONTENT + MATROSKA + CONTENT, True),
        (WEBM + CONTENT + WEBM[:4] + CONTENT, False),
        (WEBM + CONTENT + WEBM[:4] + CONTENT + WEBM, True),
        (WEBM + CONTENT + WEBM[-8:] + CONTENT, False),
        *((WEBM + bytes(2**20 + shift) + WEBM, True) for shift in (-60, -20, 0, 20, 60, 80)),
    ],
)
def test_a_second_header(content: bytes, found: bool, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(content)
    with Cage(tmp_path, Watch(time.monotonic() + 60)) as cage:
        assert joined.is_joined(tmp_path / "in", "matroska,webm", cage, broken_off=False) is found
        assert not joined.is_joined(tmp_path / "in", "mov,mp4", cage, broken_off=True)


def test_a_hostile_file_does_not_outlast_the_deadline(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(bytes(80) + WEBM[-8:] * 10**6)
    with Cage(tmp_path, Watch(time.monotonic())) as cage, pytest.raises(Failure) as failure:
        joined.is_joined(tmp_path / "in", "matroska,webm", cage, broken_off=False)
    assert failure.value.kind is errors.CONVERT_TIMED_OUT
