"""Real files: of which the page sends the sound alone, and that it becomes the same MP3."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from tests.corpus import index
from tests.local.private import PrivateStack
from tests.page.browser import Visit
from tests.page.conftest import browser  # noqa: F401 - a fixture
from tests.page.sounds import Sender, both

pytestmark = index.MARKS

# Those whose sound is sent alone, of each kind one that is converted; `python -m tests.page.sounds` converts all.
CONVERTED = {
    "file-type__fixture-mjpeg.mov",
    "media__bbb_2500ms.ts",
    "media__sample_empty_track.mp4",
    "media__sample_with_chapters.mkv",
    "moviepy__chaplin.mp4",
    "moviepy__no_duration.webm",
    "mux.js__sintel-captions.ts",
    "rails__video.webm",
}
COPIED = CONVERTED | {
    "file-type__fixture.m4v",
    "media__long_180p_av1.mp4",
    "media__sample_h262_mpeg_audio.ts",
    "media__sample_shorter_audio.mp4",
    "media__silent-black-10s.mp4",
    "mp4parse__minimal.mp4",
    "rails__video_with_undefined_display_aspect_ratio.mp4",
    "tika__ko-KR_(Annyeonghaseyo).mp4",
}


def test_the_sound_alone_becomes_the_same_mp3(
    browser: Browser,  # noqa: F811
    stack: PrivateStack,
    tmp_path: Path,
) -> None:
    visit = Visit(browser.new_context(), stack.gateway)
    sender = Sender(visit.page, f"{stack.gateway}/page")
    sent = {file.name: sender.send(file.path) for file in index.files()}
    visit.check()
    visit.context.close()
    assert {name for name, each in sent.items() if not each.why} == COPIED
    assert {each.why for each in sent.values()}.isdisjoint({"failed", "stalled"})
    for name in CONVERTED:
        whole, alone = both(index.path(name), sent[name].body, tmp_path / name, {})
        assert whole == alone, name
        assert whole[1], name
