"""What a person does with files and with the account: options, converting again, sharing, the zip, mails, keys."""

from __future__ import annotations

import re
import secrets
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.clients import web
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls
from tests.media.samples import made
from tests.media.tone import assert_tone
from tests.page.browser import Visit
from tests.page.conftest import Visits
from tests.page.desk import choose, enter, fill_in, refusal, row, until_done

Ask = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def jobs(url: Urls, other_user: Person) -> Ask:
    """Returns the user's jobs, newest first."""
    return lambda: web.call("GET", url("jobs"), headers=web.bearer(other_user.token)).json()["jobs"]


@pytest.fixture
def sent(visit: Visit, other_user: Person, video: Path, tmp_path: Path) -> tuple[Page, str]:
    """The page, and the name of a file on it that is done."""
    page = enter(visit, other_user)
    file = Path(shutil.copy(video, tmp_path / f"{secrets.token_hex(4)}.mp4"))
    choose(page, file)
    until_done(page, [file.name])
    return page, file.name


def test_presets_and_options_are_kept_and_sent(
    visit: Visit, other_user: Person, video: Path, tmp_path: Path, jobs: Ask
) -> None:
    page = enter(visit, other_user)
    choices: dict[str, dict[str, Any]] = {}
    for preset in ("Standard", "Speech", "Best", "As it is"):
        page.get_by_role("radio", name=preset, exact=True).check()
        file = Path(shutil.copy(video, tmp_path / f"{preset}.mp4"))
        choose(page, file)
        until_done(page, [file.name])
        choices[preset] = jobs()[0]["options"]
    assert choices == {
        "Standard": {"quality": 2},
        "Speech": {"channels": 1, "normalize": -16, "quality": 6},
        "Best": {"quality": 0},
        "As it is": {},
    }
    page.get_by_role("radio", name="Speech").check()
    page.get_by_role("button", name="More options").click()
    page.get_by_label("Constant bitrate").select_option("64")
    page.get_by_label("Start at").fill("0:01")
    page.get_by_label("End at").fill("0.5")
    page.keyboard.press("Tab")
    expect(page.get_by_text("The end must come after the start.")).to_be_visible()
    page.get_by_label("End at").fill("2.5")
    page.get_by_label("Title").fill("Ä talk: <b>")
    page.keyboard.press("Tab")
    page.reload()
    expect(page.get_by_role("radio", name="Speech")).to_be_checked()
    page.get_by_role("button", name="More options (4)").click()
    expect(page.get_by_label("End at")).to_have_value("2.5")
    file = Path(shutil.copy(video, tmp_path / "optioned.mp4"))
    choose(page, file)
    until_done(page, [file.name])
    assert jobs()[0]["options"] == {
        "channels": 1,
        "normalize": -16,
        "bitrate": 64,
        "start": 1,
        "end": 2.5,
        "title": "Ä talk: <b>",
    }


def test_what_is_typed_counts_and_what_is_wrong_stops_a_file(
    visit: Visit, other_user: Person, video: Path, tmp_path: Path, jobs: Ask
) -> None:
    """A file that is dropped takes no focus from a field, which would tell that it was changed."""
    page = enter(visit, other_user)
    page.get_by_role("button", name="More options").click()
    begin = page.get_by_label("Start at")
    begin.fill("abc")
    page.get_by_label("Title").focus()
    page.set_viewport_size({"width": 1366, "height": 768})  # where the field is the last that is seen
    page.evaluate("scrollTo(0, 0)")
    file = Path(shutil.copy(video, tmp_path / "typed.mp4"))
    choose(page, file)
    expect(begin).to_be_focused()
    expect(begin).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("This value does not work. For example 90")).to_be_in_viewport(ratio=1)
    expect(row(page, file.name)).to_have_count(0)
    begin.fill("0:01")
    choose(page, file)
    until_done(page, [file.name])
    assert jobs()[0]["options"] == {"quality": 2, "start": 1}


def test_numbers_may_be_typed_as_the_page_writes_them(
    visits: Visits, other_user: Person, video: Path, tmp_path: Path, jobs: Ask
) -> None:
    visit = visits(locale="de")
    page = visit.open()
    fill_in(page, other_user.email, other_user.password)
    page.get_by_role("button", name="Mehr Optionen").click()
    speed = page.get_by_label("Tempo")
    expect(page.get_by_text("Von 0,25 bis 4")).to_be_visible()
    speed.fill("0,5")
    file = Path(shutil.copy(video, tmp_path / "langsam.mp4"))
    choose(page, file)
    until_done(page, [file.name])
    assert jobs()[0]["options"] == {"quality": 2, "speed": 0.5}


def test_of_both_kinds_of_bitrate_the_last_one_counts(sent: tuple[Page, str], jobs: Ask) -> None:
    page, name = sent
    shown = row(page, name)
    shown.get_by_role("button", name="Convert again").click()
    variable, constant = shown.get_by_label("Variable bitrate"), shown.get_by_label("Constant bitrate")
    expect(variable).to_have_value("2")
    constant.select_option("64")
    expect(variable).to_have_value("")
    variable.fill("5")
    variable.press("Tab")
    expect(constant).to_have_value("")
    constant.select_option("96")
    shown.locator("form button").last.click()
    until(lambda: jobs()[0]["options"] == {"bitrate": 96}, "the job to be converted again")


def test_a_part_is_chosen_on_the_waveform_and_converted_again(
    sent: tuple[Page, str], jobs: Ask, url: Urls, other_user: Person
) -> None:
    page, name = sent
    shown = row(page, name)
    shown.get_by_role("button", name="Convert again").click()
    begin, end = (shown.get_by_role("slider", name=label) for label in ("Start at", "End at"))
    begin.focus()
    for _ in range(10):
        begin.press("ArrowRight")
    end.focus()
    for _ in range(5):
        end.press("ArrowLeft")
    expect(shown.get_by_role("textbox", name="Start at")).to_have_value("1.0")
    expect(shown.get_by_role("textbox", name="End at")).to_have_value("2.5")
    shown.locator("form button").last.click()
    until(lambda: jobs()[0]["options"].get("end") == 2.5, "the job to be converted again")
    until_done(page, [name])
    expect(shown).to_contain_text("0:02")
    (job,) = jobs()
    made = web.call("GET", f"{url('download')}?fid={job['id']}", headers=web.bearer(other_user.token)).body
    assert_tone(made, 440.0, 1.5)


def test_a_link_works_for_others_until_it_is_taken_back(sent: tuple[Page, str], visits: Visits) -> None:
    page, name = sent
    shown = row(page, name)
    shown.get_by_role("button", name="Share").click()
    days = shown.get_by_label("How long the link works")
    # The service makes links for seven days at most, so nothing longer is offered.
    expect(days.locator("option")).to_have_text(["One day", "7 days"])
    days.select_option("1")
    shown.get_by_role("button", name="Make a link").click()
    link = shown.get_by_role("textbox", name="Link").input_value()
    expect(shown.get_by_text("Anyone with this link can listen until")).to_be_visible()
    assert web.call("GET", link).status == 200
    shown.get_by_role("button", name="Take back all links").click()
    expect(shown.get_by_text("No link to this MP3 works any more")).to_be_visible()
    assert web.call("GET", link).status == 401
    # The page's own link has ended with the others, and is made anew.
    page.reload()
    with page.expect_download() as downloading:
        row(page, name).get_by_role("link", name="Download").click()
    assert downloading.value.failure() is None


def test_all_at_once_as_a_zip(visit: Visit, other_user: Person, video: Path, tmp_path: Path) -> None:
    page = enter(visit, other_user)
    files = [Path(shutil.copy(video, tmp_path / name)) for name in ("one.mp4", "two.mp4")]
    choose(page, *files)
    until_done(page, [file.name for file in files])
    with page.expect_download() as downloading:
        page.get_by_role("button", name="All as ZIP").click()
    assert downloading.value.suggested_filename == "MP3s.zip"
    with zipfile.ZipFile(downloading.value.path()) as archive:
        assert sorted(archive.namelist()) == ["one.mp3", "two.mp3"]
        assert archive.testzip() is None


def test_chapters_are_listed_and_lead_to_their_place(
    visit: Visit, other_user: Person, video: Path, tmp_path: Path
) -> None:
    described = tmp_path / "chapters.txt"
    described.write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=Hello <b>\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=3000\ntitle=Goodbye\n"
    )
    source = made(tmp_path / "chapters.mkv", "-i", str(video), "-i", str(described), "-c", "copy", "-map_chapters", "1")
    page = enter(visit, other_user)
    choose(page, source)
    until_done(page, [source.name])
    shown = row(page, source.name)
    shown.get_by_role("button", name="Play").click()
    expect(shown.get_by_role("button", name="Hello <b>")).to_be_visible()
    shown.get_by_role("button", name=f"Pause: {source.name}").click()
    shown.get_by_role("button", name="Goodbye").click()
    slider = shown.get_by_role("slider", name="Position")
    until(lambda: float(slider.input_value()) >= 1, "the second chapter")


def test_what_fails_is_said_and_a_list_that_was_unavailable_comes(
    visit: Visit, other_user: Person, video: Path, url: Urls
) -> None:
    visit.expect("503|429")
    names = ["here 1.mp4", "here 2.mp4"]
    for name in names:
        assert web.upload(url("upload"), other_user.token, video, filename=name).status == 202
    page = visit.page
    page.route(re.compile(r"/jobs\?"), refusal(503, "unavailable"), times=1)
    enter(visit, other_user)
    until_done(page, names)
    page.route("**/download/archive*", refusal(429, "too_many_transfers"))
    page.get_by_role("button", name="All as ZIP").click()
    expect(
        page.get_by_role("alert").filter(
            has_text="Too many files are being sent or downloaded at once. Try again in a moment."
        )
    ).to_be_visible()
    page.route("**/jobs/*", refusal(503, "unavailable"))
    page.get_by_role("button", name=f"Delete: {names[0]}").click()
    expect(
        page.get_by_role("alert").filter(has_text="This service is not available at the moment. Try again soon.")
    ).to_be_visible(timeout=20_000)
    expect(row(page, names[0])).to_contain_text("Done")


def test_a_mail_comes_once_more(sent: tuple[Page, str], mailbox: Mailbox, jobs: Ask, other_user: Person) -> None:
    page, name = sent
    (job,) = jobs()
    mailbox.about(job["id"], other_user.email)
    until(lambda: jobs()[0]["mail"] == "sent", "the mail")
    row(page, name).get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Mail it to me again").click()
    expect(page.get_by_text("The mail is on its way.")).to_be_visible()
    until(lambda: mailbox.count(job["id"], other_user.email) == 2, "the second mail")


def test_the_list_goes_back_through_everything_and_lives_without_a_stream(
    visit: Visit, other_user: Person, video: Path, tmp_path: Path, url: Urls
) -> None:
    visit.expect("ERR_FAILED")
    visit.page.route("**/jobs/events", lambda route: route.abort())
    for number in range(22):
        answer = web.upload(url("upload"), other_user.token, video, filename=f"{number:02}.mp4")
        assert answer.status == 202
    page = enter(visit, other_user)
    rows = page.get_by_role("listitem").filter(has=page.get_by_role("heading"))
    expect(rows).to_have_count(20)
    page.get_by_role("button", name="Show older files").click()
    expect(rows).to_have_count(22)
    expect(page.get_by_role("button", name="Show older files")).to_have_count(0)
    until_done(page, ["00.mp4", "21.mp4"])


def test_the_account(visit: Visit, other_user: Person, url: Urls, stack: Any) -> None:
    visit.expect("400|401")
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = enter(visit, other_user)
    page.get_by_role("link", name="Account").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_focused()
    expect(page.get_by_role("progressbar", name="Files today")).to_be_visible()
    page.get_by_role("button", name="Make an address").click()
    address = page.get_by_label("Address of the podcast").input_value()
    assert web.call("GET", address).body.startswith(b"<?xml")
    page.get_by_label("Password").fill("anything else")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_have_text("The password is wrong.")
    page.get_by_label("Password").fill(other_user.password)
    page.get_by_role("button", name="Open").click()
    box = page.get_by_label("Mail me when a file is done or has failed")
    expect(box).to_be_checked()
    box.uncheck()
    expect(page.get_by_text("Saved.")).to_be_visible()
    _is_told_of_the_list(visit)
    page.get_by_label("What it is for").fill("<b>laptop")
    page.get_by_role("button", name="Make a key").click()
    key = page.get_by_label("The key, shown only this once").input_value()
    assert web.call("GET", url("jobs"), headers=web.bearer(key)).status == 200
    page.get_by_role("button", name="Copy").last.click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    page.get_by_label("Address (https)").fill("https://127.0.0.1/#part")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").filter(has_text="Type a whole address that begins with https://")).to_be_visible()
    page.get_by_label("Address (https)").fill("http://127.0.0.1:9/hook")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_have_count(2)
    account = web.call("GET", f"{url('login')}/account", headers=web.basic(other_user.email, other_user.password))
    assert (account.json()["webhook"], account.json()["mails"]) == ("http://127.0.0.1:9/hook", False)
    fresh = secrets.token_urlsafe(12)
    page.get_by_label("New password").fill(fresh)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("The new password is set.")).to_be_visible()
    page.get_by_role("button", name="Revoke: <b>laptop").click()
    expect(page.get_by_text("You have no keys.")).to_be_visible()
    page.get_by_role("button", name="End the podcast").click()
    until(lambda: web.call("GET", address).status == 404, "the podcast to end")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    expect(page.get_by_text("Your account has been deleted.")).to_be_visible()
    assert web.call("POST", url("login"), headers=web.basic(other_user.email, fresh)).status in (401, 403)


def test_what_cannot_be_loaded_offline_says_so(visit: Visit, sent: tuple[Page, str]) -> None:
    visit.expect("ERR_INTERNET_DISCONNECTED|dynamically imported module")
    page, name = sent
    play = row(page, name).get_by_role("button", name="Play")
    visit.context.set_offline(True)
    play.click()
    expect(page.get_by_role("alert").filter(has_text="No connection. Try again in a moment.")).to_be_visible()
    expect(play).to_have_attribute("aria-expanded", "false")
    page.get_by_role("link", name="Account").click()
    expect(page).not_to_have_url(re.compile("#account"))
    expect(play).to_be_visible()
    visit.context.set_offline(False)
    play.click()
    expect(row(page, name).get_by_role("slider")).to_be_visible()
    page.get_by_role("link", name="Account").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_focused()
    expect(play).to_be_hidden()


def _is_told_of_the_list(visit: Visit) -> None:
    """Who wants no mails is not told that one comes."""
    other = visit.context.new_page()
    other.goto(f"{visit.gateway}/page/")
    expect(other.get_by_text("the MP3 is in this list when it is done")).to_be_visible()
    job = {"id": "1", "state": "queued", "progress": 0, "filename": "a.mp4", "options": {}, "links": {}, "mail": "none"}
    job |= {"created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z"}
    other.route(re.compile(r"/jobs\?"), lambda route: route.fulfill(json={"jobs": [job]}))
    other.reload()
    expect(row(other, "a.mp4")).to_contain_text("You can close this page and find the MP3 in this list later.")
    other.close()
