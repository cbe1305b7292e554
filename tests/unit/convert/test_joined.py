"""Joined files: found by a second header, not by four bytes that happen to be the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.convert import joined

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
    ],
)
def test_a_second_header(content: bytes, found: bool, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(content)
    assert joined.is_joined(tmp_path / "in", "matroska,webm") is found
    assert not joined.is_joined(tmp_path / "in", "mov,mp4")
