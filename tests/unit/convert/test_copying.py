"""Copying: the declared gaps of an MP3 file are found after its ID3 tags."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.convert import copying, tags
from functions.convert.mp3 import Gaps, Kind, Stream

INFO = Stream(Kind(3, 44_100, 2), 128).info_frame(Gaps(576, 1000))
TAG = tags.encoded(title="A", cover=bytes(10_000))  # longer than one read
FOOTER = TAG[:5] + bytes([TAG[5] | 0x10]) + TAG[6:] + b"3DI" + TAG[3:10]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", Gaps(576, 1000)),
        (TAG, Gaps(576, 1000)),
        (TAG * 7, Gaps(576, 1000)),
        (FOOTER, Gaps(576, 1000)),
        (TAG * 8, None),  # too many tags
        (TAG[:3], None),
        (b"ID3", None),
        (bytes(5000), None),
    ],
    ids=["no tag", "a tag", "seven tags", "a footer", "eight tags", "half a tag", "a stub", "zeros"],
)
def test_gaps_behind_tags(head: bytes, expected: Gaps | None, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(head + INFO)
    assert copying.gaps(tmp_path / "a.mp3") == expected


def test_a_file_that_ends_in_its_tag_declares_no_gaps(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(TAG[:20])
    assert copying.gaps(tmp_path / "a.mp3") is None
