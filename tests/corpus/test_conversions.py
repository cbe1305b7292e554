"""Real files: converted by the engine alone, and from upload to mail."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from functions.common.errors import UNDECODABLE, Failure, Kind
from functions.common.options import Options
from functions.convert import engine, sound
from functions.convert.cage import Cage
from functions.convert.filters import UNSTAMPED
from functions.convert.selection import alone
from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import until_gone
from tests.corpus import index
from tests.e2e.conftest import Person, Urls
from tests.e2e.leftovers import leftovers
from tests.integration.sound_samples import samples_of
from tests.integration.test_engine import assert_decodes, convert
from tests.integration.test_sound import refusal, track
from tests.local.private import PrivateStack
from tests.media.pcm import mp3_of, plain_mp3
from tests.media.tone import decode_mp3

pytestmark = index.MARKS

AT_ONCE = 2
SECONDS = 180
# The lengths in the index include the delay and padding of the encoder that measured them.
SHORTER, LONGER = 0.3, 0.05
# The number of each file's sound stream.
STREAMS = {
    "file-type__fixture-mjpeg.mov": 1,
    "file-type__fixture-realmedia-video.rm": 1,
    "file-type__fixture.asf": 0,
    "file-type__fixture.avi": 1,
    "media__bbb_2500ms.ts": 1,
    "media__bbb_mono_8kHz_12.2kbps_amrnb.3gp": 0,
    "media__sample_alac.mp4": 0,
    "media__sample_dthd.mp4": 0,
    "moviepy__chaplin.mp4": 1,
    "mux.js__sintel-captions.ts": 1,
    "rails__video.webm": 1,
}


@pytest.mark.parametrize("name", STREAMS)
def test_they_sound_like_plain_ffmpeg(name: str, cage: Cage) -> None:
    """Apart from holes and late starts, which plain ffmpeg leaves out; the lengths below show those."""
    path = index.path(name)
    unstamped = replace(track(path, cage, STREAMS[name]), clock=UNSTAMPED)
    started = sound.start(path, alone(unstamped), Options(), cage)
    assert mp3_of(samples_of(started), started.rate) == plain_mp3(path)


@pytest.mark.parametrize("options", [{}, {"start": 1.0}, {"volume": 0.5}])
def test_no_sound_at_all_is_not_blamed_on_the_range(options: dict[str, float], cage: Cage) -> None:
    assert refusal(index.path("mp4parse__zero_empty_stsc.mp4"), cage, 1, **options) is UNDECODABLE


def test_the_engine(tmp_path: Path) -> None:
    """Every file with sound becomes an MP3 of its length, every other one gives an error, and none hangs or crashes."""
    files = index.files()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = pool.map(lambda file: _outcome(file.path, tmp_path / file.name), files)
    for file, made in zip(files, outcomes, strict=True):
        if isinstance(made, Kind):
            assert made in index.UNCONVERTIBLE.get(file.sound, set()), file.name
            continue
        assert file.sound in ("yes", "either"), file.name
        assert made.duration > 0, file.name
        if file.seconds:
            assert -LONGER < file.seconds - made.duration < SHORTER, file.name
        assert_decodes(tmp_path / file.name / "out.mp3", made.duration)


def _outcome(source: Path, folder: Path) -> engine.Made | Kind:
    try:
        return convert(source, folder)
    except Failure as failure:
        return failure.kind


def test_from_upload_to_mail(
    stack: PrivateStack, url: Urls, owner: Person, inspector: Inspector, mailbox: Mailbox
) -> None:
    """Each becomes an MP3 with sound, or fails with an error and a mail; none hangs or leaves anything behind."""
    taken: dict[str, index.File] = {}
    for file in index.files():
        answer = web.upload(url("upload"), owner.token, file.path)
        if answer.status == 202:
            taken[answer.json()["id"]] = file
        else:
            assert (answer.status, answer.json()["code"], file.sound) == (415, "not_media", "corrupt")
    for fid, file in taken.items():
        job = inspector.ended(fid, SECONDS)
        if job["state"] == "failed":
            # A file may be so damaged that its sound track is not found.
            codes = {kind.code for kind in index.UNCONVERTIBLE.get(file.sound, set())}
            assert job["error"]["code"] in codes | ({"no_audio"} if file.sound == "corrupt" else set()), file.name
            assert inspector.files("mp3s", fid) == []
        else:
            assert (job["state"], file.sound in ("yes", "either")) == ("done", True), file.name
            mp3 = web.download(url("download"), owner.token, fid).body
            assert math.isclose(len(decode_mp3(mp3)) / 44_100, job["mp3"]["duration"], abs_tol=0.1), file.name
    for fid in taken:
        mailbox.about(fid, owner.email)
    until_gone(lambda: leftovers(stack, inspector), "leftovers", 60)
