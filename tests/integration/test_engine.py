"""The engine on real files that nobody here made: an MP3, or a reason."""

from __future__ import annotations

import csv
import shutil
import time
from pathlib import Path

import pytest

from functions.common import errors
from functions.common.errors import Failure
from functions.convert import engine
from functions.convert.lease import Lost
from tests.clients.waiting import until

# These carry codecs that older ffmpegs could not decode, so either end is right.
NEWER = {"media__5p1_iamf_opus.mp4", "media__sample_fpcm_64le.mp4"}


def encode(source: Path, folder: Path, **limits: float) -> engine.Sound:
    shutil.copy(source, folder / "in")
    given = {"deadline": time.monotonic() + 60, "on_progress": lambda seconds: None} | limits
    return engine.encode(folder / "in", folder / "out.mp3", **given)  # type: ignore[arg-type]


def test_corpus(shared: Path, tmp_path: Path) -> None:
    """Every file with sound gives an MP3 of its length, every other one a reason, and none hangs or crashes."""
    with (shared / "corpus" / "INDEX.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    for number, row in enumerate(rows):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcome = outcome_of(shared / "corpus" / row["file"], folder)
        if isinstance(outcome, engine.Sound):
            assert row["has_audio"] == "yes" or row["file"] in NEWER, row["file"]
            assert outcome.duration > 0
        else:
            allowed = {"no": {errors.NO_AUDIO}, "corrupt": {errors.NO_AUDIO, errors.UNDECODABLE}}
            assert outcome in allowed.get(row["has_audio"], set()), row["file"]


def outcome_of(source: Path, folder: Path) -> engine.Sound | errors.Kind:
    try:
        return encode(source, folder)
    except Failure as failure:
        return failure.kind


@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile 'neighbour'\n", "#EXTM3U\n#EXTINF:9,\nneighbour\n"])
def test_a_script_reads_no_neighbour(text: str, shared: Path, tmp_path: Path) -> None:
    """A text that names another file is no way to it."""
    shutil.copy(shared / "corpus" / "moviepy__chaplin.mp4", tmp_path / "neighbour")
    script = tmp_path / "script"
    script.write_text(text)
    with pytest.raises(Failure) as failure:
        encode(script, tmp_path)
    assert failure.value.kind is errors.UNDECODABLE


def test_a_limit_of_time_or_size_ends_it(shared: Path, tmp_path: Path) -> None:
    """What takes too long, or grows too large, is stopped with its own reason."""
    video = shared / "corpus" / "moviepy__chaplin.mp4"
    with pytest.raises(Failure) as failure:
        encode(video, tmp_path, deadline=time.monotonic())
    assert failure.value.kind is errors.CONVERT_TIMED_OUT
    with pytest.raises(Failure) as failure:
        encode(video, tmp_path, max_bytes=20_000)
    assert failure.value.kind is errors.MP3_TOO_LARGE


def test_a_lost_lease_stops_ffmpeg(shared: Path, tmp_path: Path) -> None:
    """What the sign of progress raises goes up, and ffmpeg is gone by then."""

    def lost(_seconds: float) -> None:
        raise Lost

    with pytest.raises(Lost):
        encode(shared / "corpus" / "moviepy__chaplin.mp4", tmp_path, on_progress=lost)  # type: ignore[arg-type]
    until(lambda: not _children(str(tmp_path)), "ffmpeg to be gone", 5)


def _children(folder: str) -> list[Path]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if folder in words and "ffmpeg" in words:
            found.append(process)
    return found
