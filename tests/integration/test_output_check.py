"""The check of the written MP3: exit codes of 0 prove nothing about the file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from functions.common.options import Options
from functions.convert import engine
from functions.convert.limits import Limits
from functions.convert.watch import Watch
from tests.media.videos import tone_video


def test_a_truncated_mp3_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that loses data silently is not available, so the file is truncated at the same point."""
    frames = engine._Work.frames

    def losing(work: Any, file: BinaryIO, room: int) -> Any:
        result = frames(work, file, room)
        file.truncate(file.tell() // 2)
        return result

    tone_video(tmp_path, seconds=1.0).rename(tmp_path / "in")
    monkeypatch.setattr(engine._Work, "frames", losing)
    with pytest.raises(RuntimeError, match="not what was written"):
        engine.convert(
            tmp_path / "in",
            tmp_path / "out.mp3",
            Options(),
            Watch(time.monotonic() + 60),
            limits=Limits(60, 2**20),
            encoders=1,
        )
