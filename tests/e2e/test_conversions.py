"""Conversions from upload to MP3: real files, odd names, options, progress; and no leftovers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.sampling import sampling
from tests.e2e.conftest import Person, Urls
from tests.media import samples, tags
from tests.media.large import long_video
from tests.media.tone import assert_tone

SHORT_SECONDS = 200  # whose conversion takes a second: the progress of a shorter one could be over between two samples
LONG_SECONDS = 1500  # whose conversion takes five, on a fast machine too


@pytest.mark.attack("B1", "B4")
@pytest.mark.parametrize(
    "name",
    ["-i.mp4", "a 'b' \"c\".mp4", "new\nline.mp4", "😀 %s $(id) `id`.mp4", "../../etc/passwd", "a;b|c&d.mp4", "."],
)
def test_file_names_do_not_matter_to_the_converter(
    name: str, url: Urls, owner: Person, video: Path, inspector: Inspector
) -> None:
    fid = web.uploaded(url("upload"), owner.token, video, name)
    inspector.done(fid)
    assert_tone(web.download(url("download"), owner.token, fid).body, 440, 3.0)


def test_options_reach_the_mp3(url: Urls, owner: Person, video: Path, inspector: Inspector) -> None:
    """The options given at upload can be heard and read in the MP3."""
    options = {"bitrate": "96", "start": "0.5", "end": "0:02.5", "channels": "1", "title": "Ein Titel ä", "cover": "1"}
    fid = web.uploaded(url("upload"), owner.token, video, **options)
    job = inspector.done(fid)
    assert job["mp3"]["duration"] == 2.0
    assert job["mp3"]["notes"] == []
    mp3 = web.download(url("download"), owner.token, fid).body
    assert_tone(mp3, 440, 2.0)
    file = tags.read(mp3)
    assert (file.info.channels, file["TIT2"].text, file["APIC:"].mime) == (1, ["Ein Titel ä"], "image/jpeg")
    assert file.info.bitrate == pytest.approx(96_000, rel=0.05)


def test_a_cut_source_is_noted_in_the_job_and_the_mail(
    url: Urls, owner: Person, videos: Path, inspector: Inspector, mailbox: Mailbox
) -> None:
    whole = samples.made(videos / "whole.mkv", *samples.pictures(20), *samples.tone(20), "-c:v", "mpeg4").read_bytes()
    cut = videos / "cut.mkv"
    cut.write_bytes(whole[: len(whole) // 3])
    fid = web.uploaded(url("upload"), owner.token, cut)
    assert inspector.done(fid)["mp3"]["notes"] == ["truncated_source"]
    assert "ends long before the length" in mailbox.about(fid, owner.email).text


@pytest.mark.parametrize(("seconds", "least"), [(SHORT_SECONDS, 3), (LONG_SECONDS, 5)])
def test_progress(seconds: int, least: int, url: Urls, owner: Person, videos: Path, inspector: Inspector) -> None:
    """It rises through several values, and is 100 only when the MP3 exists."""
    video = long_video(videos, seconds)
    with watched(inspector) as seen:
        fid = web.uploaded(url("upload"), owner.token, video)
        inspector.done(fid)
    progress = [percent for job, percent, _ in seen if job == fid]
    assert progress == sorted(progress)
    assert len(set(progress)) >= least
    assert all((percent == 100) == (state == "done") for job, percent, state in seen if job == fid)


@contextmanager
def watched(inspector: Inspector) -> Iterator[list[tuple[str, int, str]]]:
    """Yield the progress of the newest job, sampled until the block ends."""
    seen: list[tuple[str, int, str]] = []

    def look() -> None:
        for job in inspector.database.jobs.find({}, {"progress": 1, "state": 1}).sort("created_at", -1).limit(1):
            seen.append((job["_id"], job["progress"], job["state"]))

    with sampling(look, 0.005):
        yield seen
    # On a busy machine, none of the samples may have been taken after the end.
    look()
