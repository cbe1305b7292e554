"""The page without JavaScript: by forms from the password to the MP3, and nothing by forms of other pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.clients import web
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls
from tests.media.tone import assert_tone
from tests.media.videos import silent_video, text_file
from tests.page.browser import Visit
from tests.page.conftest import Visits
from tests.page.desk import DONE_MILLISECONDS, fill_in
from tests.page.layouts import misfits
from tests.page.test_everybody import faults

HOSTILE = "a<img src=x onerror=alert(1)>'\"&amp;.mp4"
PREFIXES = ("/page/", "/function/page/")


@pytest.fixture
def plain(visits: Visits) -> Visit:
    """A visitor whose browser runs no scripts."""
    return visits(java_script_enabled=False)


def enter(visit: Visit, person: Person, path: str = "/page/") -> Page:
    """Log in by the form."""
    page = visit.open(path)
    fill_in(page, person.email, person.password)
    expect(page).to_have_title("Your files · Video to MP3")
    return page


def send(page: Page, file: Path) -> None:
    """Send a video by the form."""
    page.get_by_label("Video").set_input_files(str(file))
    page.get_by_role("button", name="Send it").click()


def until_ended(page: Page, sentence: str) -> None:
    """Look again until the page of a job says this."""

    def look() -> bool:
        if page.get_by_text(sentence).count():
            return True
        page.get_by_role("link", name="Look again").click()
        return False

    until(look, "the end of the job", DONE_MILLISECONDS / 1000)


def structure(page: Page) -> list[str]:
    """Return what everybody needs and a page has not."""
    faults = [] if page.locator("html").get_attribute("lang") == "en" else ["no language"]
    faults += [] if page.title() else ["no title"]
    faults += [] if page.get_by_role("heading", level=1).count() == 1 else ["not one heading"]
    for field in page.locator("input:not([type=hidden]), select").all():
        name = field.get_attribute("name")
        labels = page.locator(f"label:has([name='{name}']), label[for='{name}']").count()
        faults += [] if labels == 1 else [f"{name} has no label"]
    faults += [f"styled in place: {each}" for each in page.locator("[style], style").all()]
    return faults


@pytest.mark.parametrize("path", PREFIXES)
def test_from_the_password_to_the_mp3(
    plain: Visit, other_user: Person, video: Path, mailbox: Mailbox, tmp_path: Path, path: str
) -> None:
    """Below any prefix; the options that were chosen hold, and the mail comes."""
    page = enter(plain, other_user, path)
    assert (structure(page), page.url) == ([], plain.gateway + path.replace("page", "jobs"))
    expect(page.get_by_text("There are none yet.")).to_be_visible()
    page.get_by_label("Quality").select_option("Small, about 115 kbit/s")
    page.get_by_label("Mono").check()
    send(page, Path(shutil.copy(video, tmp_path / HOSTILE)))
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    assert structure(page) == []
    until_ended(page, "Done.")
    page.get_by_role("link", name="Your files").click()
    expect(page.get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_role("link", name=HOSTILE)).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download the MP3").click()
    assert_tone(downloading.value.path().read_bytes(), 440, 3.0)
    job_id = page.get_by_role("link", name=HOSTILE).get_attribute("href", timeout=1000) or ""
    job = web.call(
        "GET", f"{plain.gateway}/jobs/{job_id.rpartition('/')[2]}", headers=web.bearer(other_user.token)
    ).json()
    assert job["options"] == {"quality": 6, "channels": 1}
    until(lambda: [mail for mail in mailbox.all() if mail.to == other_user.email], "the mail")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert (page.url, plain.context.cookies()) == (plain.gateway + path, [])
    assert structure(page) == []


def test_what_goes_wrong_is_said_with_a_way_back(plain: Visit, other_user: Person, videos: Path) -> None:
    plain.expect("401|404|415")
    page = plain.open()
    fill_in(page, other_user.email, "not the password")
    expect(page.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    assert (structure(page), plain.context.cookies()) == ([], [])
    page.get_by_role("link", name="Back to the start").click()
    fill_in(page, other_user.email, other_user.password)
    send(page, text_file(videos))
    expect(page.get_by_role("alert")).to_have_text("This file is neither video nor audio.")
    page.get_by_role("link", name="Your files").click()
    send(page, silent_video(videos))
    until_ended(page, "The video has no sound track.")
    page.goto(f"{plain.gateway}/jobs/nothing")
    expect(page.get_by_role("alert")).to_have_text("Nothing was found at this address or under this id.")
    page.get_by_role("link", name="Your files").click()
    plain.context.clear_cookies()
    send(page, silent_video(videos))
    expect(page.get_by_role("alert")).to_contain_text("Log in first.")
    page.get_by_role("link", name="Back to the start").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_a_video_that_is_too_large_is_refused_at_once(plain: Visit, other_user: Person, tmp_path: Path) -> None:
    """While the browser is still sending it."""
    plain.expect("413")
    large = tmp_path / "large.mp4"
    large.touch()
    os.truncate(large, 2**31 + 2**20)  # without taking space
    send(enter(plain, other_user), large)
    expect(plain.page.get_by_role("alert")).to_have_text("The file is too large.")
    plain.page.get_by_role("link", name="Your files").click()
    expect(plain.page.get_by_text("There are none yet.")).to_be_visible()


def test_what_happens_next_is_said(
    plain: Visit, other_user: Person, video: Path, url: Urls, no_connector: Callable[[], None]
) -> None:
    """To who gets no mails, where to look instead."""
    page = enter(plain, other_user)
    send(page, video)
    expect(page.get_by_text("It is waiting for its turn.")).to_be_visible()
    expect(page.get_by_text("We mail you a link when the MP3 is ready.")).to_be_visible()
    headers = web.basic(other_user.email, other_user.password)
    assert web.call("PATCH", f"{url('login')}/account", headers=headers, body=b'{"mails": false}').status == 200
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_text("The MP3 will be here when it is ready.")).to_be_visible()
    expect(page.get_by_text("We mail you")).to_have_count(0)
    no_connector()
    until_ended(page, "Done.")


def test_a_form_of_another_page_does_nothing(visit: Visit, other_user: Person) -> None:
    """Neither with the session of who is logged in, nor to log them in as somebody else."""
    visit.expect("403")
    fields = {"email": other_user.email, "password": other_user.password}
    hidden = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    for path, is_in in (("login/session/begin", False), ("login/session/end", True)):
        if is_in:
            visit.log_in(other_user)
        kept = visit.context.cookies()
        page = visit.context.new_page()
        page.set_content(f'<form method="post" action="{visit.gateway}/{path}">{hidden}<button>Win</button></form>')
        page.get_by_role("button").click()
        expect(page.get_by_role("alert")).to_contain_text("Only this service's own page may use its session.")
        assert visit.context.cookies() == kept


def test_everybody_can_use_the_plain_pages(visit: Visit, other_user: Person) -> None:
    """What axe-core finds in them; it needs scripts."""
    visit.expect("401|405")
    found = {}
    for path in ("/jobs/", "/login/session/end", "/login/reset?token=x"):
        page = visit.open(path)
        found[path] = faults(page) + misfits(page)
    visit.log_in(other_user)
    page = visit.open("/jobs/")
    found["the files"] = faults(page) + misfits(page)
    assert {path: each for path, each in found.items() if each} == {}
