"""From a video that is dropped on the page to an MP3 that is heard, downloaded and deleted."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls
from tests.media.tone import assert_tone
from tests.media.videos import silent_video
from tests.page.browser import Visit
from tests.page.conftest import Visits
from tests.page.desk import choose, drop, enter, row, until_done

HERTZ = 440.0
HEARD_HERTZ_TOLERANCE = 12.0  # the analyser's bins are 5.9 Hz wide at 48 kHz
LISTENS = """
async () => {
    const audio = window.played;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 8192;
    context.createMediaElementSource(audio).connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount);
    const deadline = performance.now() + 20000;
    while (performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        analyser.getFloatFrequencyData(bins);
        const loudest = bins.indexOf(Math.max(...bins));
        if (bins[loudest] > -40) return (loudest * context.sampleRate) / analyser.fftSize;
    }
    return 0;
}
"""
LOSES_THE_FIRST_ANSWER = """
window.lost = [];
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (body) {
    const lose = (event) => {
        if (window.lost.length) return;
        window.lost.push(this.status);
        event.stopImmediatePropagation();
        this.dispatchEvent(new ProgressEvent("error"));
    };
    this.addEventListener("load", lose, {capture: true});
    send.call(this, body);
};
"""
HOLDS_ANSWERS = """
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (body) {
    const hold = (event) => {
        event.stopImmediatePropagation();
        window.release = () => this.dispatchEvent(new ProgressEvent("load"));
    };
    this.addEventListener("load", hold, {capture: true, once: true});
    send.call(this, body);
};
"""
UPLOADS = re.compile(r"/upload\?")
# The page's player is in no document, so what it makes is noted as it is made.
NOTES_PLAYERS = """
const made = document.createElement.bind(document);
document.createElement = (tag, ...more) => {
    const element = made(tag, ...more);
    if (tag === "audio") window.played = element;
    return element;
};
"""


@pytest.fixture
def talk(video: Path, tmp_path: Path) -> Path:
    """A video with a name that people give."""
    return Path(shutil.copy(video, tmp_path / "Großmutters 90. Geburtstag.mp4"))


def test_a_dropped_video_becomes_an_mp3_that_is_heard_and_downloaded(
    visits: Visits, other_user: Person, url: Urls, talk: Path
) -> None:
    visit = visits(accept_downloads=True)
    visit.context.add_init_script(NOTES_PLAYERS)
    page = enter(visit, other_user)
    drop(page, talk)
    shown = row(page, talk.name)
    until_done(page, [talk.name])
    expect(shown).to_contain_text("0:03")
    assert page.title() == "Video to MP3"

    shown.get_by_role("button", name="Play").click()
    page.wait_for_function("() => window.played")
    assert abs(page.evaluate(LISTENS) - HERTZ) <= HEARD_HERTZ_TOLERANCE
    page.wait_for_function("() => window.played.currentTime > 0.2")
    slider = shown.get_by_role("slider", name="Position")
    slider.focus()
    page.evaluate("() => { window.played.pause(); window.played.currentTime = 0; }")
    slider.press("ArrowRight")
    page.wait_for_function("() => window.played.currentTime > 2.5")

    with page.expect_download() as downloading:
        shown.get_by_role("link", name="Download").click()
    assert downloading.value.suggested_filename == "Großmutters 90. Geburtstag.mp3"
    mine = Path(downloading.value.path()).read_bytes()
    (job,) = web.call("GET", url("jobs"), headers=web.bearer(other_user.token)).json()["jobs"]
    theirs = web.call("GET", f"{url('download')}?fid={job['id']}", headers=web.bearer(other_user.token)).body
    assert mine == theirs
    assert_tone(mine, HERTZ, 3.0)


def test_a_failed_conversion_says_why_and_what_to_do(visit: Visit, other_user: Person, videos: Path) -> None:
    page = enter(visit, other_user)
    silent = silent_video(videos)
    choose(page, silent)
    shown = row(page, silent.name)
    expect(shown).to_contain_text("No sound track. Record it once more with the microphone on.", timeout=60_000)
    assert [button.inner_text() for button in shown.get_by_role("button").all()] == ["Delete"]


def test_a_refused_file_says_why_and_can_be_removed(visit: Visit, other_user: Person, tmp_path: Path) -> None:
    visit.expect("400")
    page = enter(visit, other_user)
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    choose(page, empty)
    shown = row(page, empty.name)
    expect(shown).to_contain_text("The file is empty.")
    shown.get_by_role("button", name="Remove").click()
    expect(shown).to_have_count(0)


def test_names_are_text_and_never_run(visit: Visit, other_user: Person, video: Path, tmp_path: Path) -> None:
    page = enter(visit, other_user)
    page.evaluate("window.ran = 0")
    name = "<img src=x onerror=window.ran=1>‮gnp.mp4"
    shown_name = "<img src=x onerror=window.ran=1>gnp.mp4"  # without what turns the direction of text
    choose(page, Path(shutil.copy(video, tmp_path / name)))
    until_done(page, [shown_name])
    page.reload()
    expect(row(page, shown_name)).to_be_visible()
    assert page.locator("img").count() == 0
    assert page.evaluate("window.ran ?? 0") == 0


def test_twenty_files_are_sent_two_at_once(visit: Visit, other_user: Person, video: Path, tmp_path: Path) -> None:
    page = enter(visit, other_user)
    files = [Path(shutil.copy(video, tmp_path / f"{number:02}.mp4")) for number in range(20)]
    # All sound alike, so all but the first few are copied.
    flying: list[int] = []
    page.on("request", lambda request: flying.append(1) if "/upload?" in request.url else None)
    page.evaluate(
        """() => {
            window.most = 0;
            window.now = 0;
            const send = XMLHttpRequest.prototype.send;
            XMLHttpRequest.prototype.send = function (body) {
                window.most = Math.max(window.most, (window.now += 1));
                this.addEventListener("readystatechange", () => (window.now -= this.readyState === 4));
                send.call(this, body);
            };
        }"""
    )
    choose(page, *files)
    expect(page.get_by_role("listitem").filter(has=page.get_by_role("heading"))).to_have_count(20)
    until_done(page, [file.name for file in files])
    assert page.evaluate("[window.most, window.now]") == [2, 0]
    assert len(flying) == 20
    expect(page.get_by_role("button", name="All as ZIP")).to_be_visible()


def test_an_upload_goes_on_after_the_connection_was_lost(
    visit: Visit, other_user: Person, video: Path, inspector: Inspector, tmp_path: Path
) -> None:
    visit.expect("ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED")
    page = enter(visit, other_user)
    sent = Path(shutil.copy(video, tmp_path / "offline.mp4"))
    held: list[Route] = []
    page.route(UPLOADS, lambda route: held.append(route))
    choose(page, sent)
    expect(row(page, sent.name)).to_contain_text("Sending")
    visit.context.set_offline(True)
    expect(row(page, sent.name)).to_contain_text("No connection. It starts again by itself")
    page.unroute(UPLOADS)
    visit.context.set_offline(False)
    until_done(page, [sent.name])
    assert held
    assert len(inspector.jobs_named(sent.name)) == 1


def test_an_answer_that_was_lost_makes_no_second_job(
    visit: Visit, other_user: Person, video: Path, inspector: Inspector, tmp_path: Path
) -> None:
    visit.context.add_init_script(LOSES_THE_FIRST_ANSWER)
    page = enter(visit, other_user)
    sent = Path(shutil.copy(video, tmp_path / "unheard.mp4"))
    choose(page, sent)
    until_done(page, [sent.name])
    assert page.evaluate("window.lost") == [202]
    assert len(inspector.jobs_named(sent.name)) == 1
    expect(row(page, sent.name)).to_have_count(1)


def test_a_paused_upload_waits_and_a_cancelled_one_is_gone(
    visit: Visit, other_user: Person, video: Path, inspector: Inspector, tmp_path: Path
) -> None:
    page = enter(visit, other_user)
    paused, cancelled = (Path(shutil.copy(video, tmp_path / name)) for name in ("paused.mp4", "cancelled.mp4"))
    held: list[Route] = []
    page.route(UPLOADS, lambda route: held.append(route))
    choose(page, paused, cancelled)
    for file in (paused, cancelled):
        expect(row(page, file.name)).to_contain_text("Sending")
    with page.expect_event("dialog") as asked:
        page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.dismiss()
    row(page, paused.name).get_by_role("button", name=f"Pause: {paused.name}").click()
    expect(row(page, paused.name)).to_contain_text("Paused")
    with page.expect_event("requestfailed", lambda request: cancelled.name in request.url):
        row(page, cancelled.name).get_by_role("button", name=f"Cancel: {cancelled.name}").click()
    expect(row(page, cancelled.name)).to_have_count(0)
    page.unroute(UPLOADS)
    row(page, paused.name).get_by_role("button", name="Resume").click()
    until_done(page, [paused.name])
    assert inspector.jobs_named(cancelled.name) == []


def test_what_is_cancelled_when_all_of_it_was_sent_is_deleted(
    visit: Visit, other_user: Person, video: Path, inspector: Inspector, tmp_path: Path
) -> None:
    visit.context.add_init_script(HOLDS_ANSWERS)
    page = enter(visit, other_user)
    sent = Path(shutil.copy(video, tmp_path / "too late.mp4"))
    choose(page, sent)
    page.wait_for_function("() => window.release")
    row(page, sent.name).get_by_role("button", name="Cancel").click()
    page.evaluate("window.release()")
    until(lambda: [job["state"] for job in inspector.jobs_named(sent.name)] == ["deleting"], "the deletion")
    expect(row(page, sent.name)).to_have_count(0)
    inspector.database.jobs.delete_many({"filename": sent.name})


def test_deleting_can_be_undone_and_then_is_done(
    visit: Visit, other_user: Person, video: Path, inspector: Inspector, tmp_path: Path
) -> None:
    page = enter(visit, other_user)
    page.clock.install()
    sent = Path(shutil.copy(video, tmp_path / "away.mp4"))
    choose(page, sent)
    page.clock.resume()
    until_done(page, [sent.name])
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))  # no deletion is due before the test says so
    shown = row(page, sent.name)
    shown.get_by_role("button", name="Delete").press("Enter")
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    undo.press("Enter")
    expect(shown).to_contain_text("Done")
    shown.get_by_role("button", name="Delete").click()
    expect(undo).to_be_focused()
    page.clock.fast_forward(5000)
    expect(undo).to_have_count(0)
    expect(shown).to_have_count(0)
    until(lambda: [job["state"] for job in inspector.jobs_named(sent.name)] == ["deleting"], "the deletion")
    inspector.database.jobs.delete_many({"filename": sent.name})


def test_another_tab_shows_the_same(visit: Visit, other_user: Person, video: Path, tmp_path: Path) -> None:
    page = enter(visit, other_user)
    other = visit.context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("heading", name="Your files")).to_be_visible()
    sent = Path(shutil.copy(video, tmp_path / "shared.mp4"))
    choose(page, sent)
    until_done(other, [sent.name])
    other.get_by_role("searchbox").fill("nothing like it")
    expect(other.get_by_text("No file has “nothing like it” in its name.")).to_be_visible()
    other.get_by_role("searchbox").fill("SHARED")
    expect(row(other, sent.name)).to_be_visible()
    other.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
