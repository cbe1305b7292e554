"""The way in and out: logging in, signing up, a forgotten password, and a session that ends in the middle of work."""

from __future__ import annotations

import re
import secrets
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import until
from tests.e2e.conftest import Person
from tests.page.browser import Visit
from tests.page.conftest import Visits
from tests.page.desk import choose, enter, fill_in, row, until_done


def test_a_wrong_password_is_said_and_can_be_typed_again(visit: Visit, other_user: Person) -> None:
    visit.expect("401")
    page = visit.open()
    fill_in(page, other_user.email, "not the password")
    expect(page.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(other_user.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your files")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Your files")).to_be_visible()


def test_a_form_that_works_is_not_sent_again(visit: Visit, other_user: Person) -> None:
    page = visit.open()
    asked: list[str] = []
    held: list[Route] = []
    page.on("request", lambda request: asked.append(request.url) if "/login" in request.url else None)
    page.route(re.compile("/login"), lambda route: held.append(route), times=1)
    fill_in(page, other_user.email, other_user.password)
    button = page.get_by_role("button", name="Log in")
    expect(button).to_be_disabled()
    page.keyboard.press("Enter")
    page.locator("form").evaluate("(form) => form.requestSubmit()")
    assert len(asked) == len(held) == 1
    held[0].continue_()
    expect(page.get_by_role("heading", name="Your files")).to_be_visible()


@pytest.mark.attack("C5")
def test_no_script_can_read_the_session(visit: Visit, other_user: Person) -> None:
    page = enter(visit, other_user)
    (cookie,) = visit.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert page.evaluate("document.cookie") == ""
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    assert other_user.password not in kept
    assert other_user.email not in kept
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert visit.context.cookies() == []


def test_signing_up_by_a_mail(visit: Visit, mailbox: Mailbox) -> None:
    page = visit.open()
    page.get_by_role("button", name="Sign up").click()
    email, password = f"{secrets.token_hex(6)}@example.org", secrets.token_urlsafe(12)
    fill_in(page, email, password)
    expect(page.get_by_role("alert")).to_contain_text("A mail is on its way")
    _follow(visit, mailbox, email)
    visit.page.get_by_role("button", name="Confirm").click()
    expect(visit.page.get_by_text("You can log in now")).to_be_visible()
    page = visit.open()
    fill_in(page, email, password)
    expect(page.get_by_role("heading", name="Your files")).to_be_visible()


def test_a_forgotten_password_is_replaced_by_a_mail(visit: Visit, other_user: Person, mailbox: Mailbox) -> None:
    page = visit.open()
    page.get_by_role("button", name="Forgotten your password?").click()
    page.get_by_label("E-mail address").fill(other_user.email)
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("alert")).to_contain_text("A mail is on its way")
    _follow(visit, mailbox, other_user.email)
    fresh = secrets.token_urlsafe(12)
    visit.page.get_by_label("New password").fill(fresh)
    visit.page.get_by_role("button", name="Set the password").click()
    expect(visit.page.get_by_text("You can log in now")).to_be_visible()
    page = visit.open()
    fill_in(page, other_user.email, fresh)
    expect(page.get_by_role("heading", name="Your files")).to_be_visible()


def test_a_session_that_ends_while_sending_is_asked_for_and_the_upload_goes_on(
    visit: Visit, other_user: Person, video: Path, tmp_path: Path
) -> None:
    visit.expect("401")
    page = enter(visit, other_user)
    sent = Path(shutil.copy(video, tmp_path / "long.mp4"))

    def end(route: Route) -> None:
        visit.context.clear_cookies()
        route.fulfill(
            status=401, content_type="application/problem+json", body='{"code": "invalid_token", "title": ""}'
        )

    page.route(re.compile(r"/upload\?"), end, times=1)
    choose(page, sent)
    dialog = page.get_by_role("dialog", name="Log in again")
    expect(dialog.get_by_label("Password")).to_be_focused()
    expect(dialog.get_by_label("E-mail address")).to_have_value(other_user.email)
    page.keyboard.type(other_user.password)
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    until_done(page, [sent.name])
    expect(row(page, sent.name)).to_have_count(1)


def test_what_waits_is_not_sent_for_somebody_else(
    visit: Visit, other_user: Person, third_user: Person, video: Path, tmp_path: Path, inspector: Inspector
) -> None:
    visit.expect("401|ERR_FAILED")
    page = enter(visit, other_user)
    held: list[Route] = []
    page.route(re.compile(r"/upload\?"), lambda route: held.append(route))
    files = [Path(shutil.copy(video, tmp_path / f"mine {number}.mp4")) for number in range(3)]
    choose(page, *files)
    for file in files[:2]:
        expect(row(page, file.name)).to_contain_text("Sending")
    other = visit.context.new_page()
    other.goto(page.url)
    other.get_by_role("button", name="Log out").click()
    dialog = page.get_by_role("dialog", name="Log in again")
    expect(dialog).to_be_visible()
    fill_in(other, third_user.email, third_user.password)
    expect(other.get_by_role("heading", name="Your files")).to_be_visible()
    for route in held:
        route.abort()
    page.unroute(re.compile(r"/upload\?"))
    expect(row(page, files[2].name)).to_contain_text("Waiting to continue")
    other.get_by_role("button", name="Log out").click()
    dialog.get_by_label("Password").fill(other_user.password)
    page.keyboard.press("Enter")
    until_done(page, [file.name for file in files])
    owners = [job["email"] for file in files for job in inspector.jobs_named(file.name)]
    assert owners == [other_user.email] * 3


def test_without_scripts_the_page_says_what_to_do(visits: Visits) -> None:
    page = visits(java_script_enabled=False).open()
    lines = page.locator("pre").inner_text().splitlines()
    assert [line.split()[0] for line in lines] == ["curl"] * 3


def test_a_stranger_asks_for_nothing_that_is_refused(visit: Visit) -> None:
    page = visit.open()
    expect(page.get_by_role("heading", level=1)).to_have_text("The sound of your videos, as MP3")
    expect(page.get_by_text("Up to 2.1 GB and 12 hours each")).to_be_visible()


def _follow(visit: Visit, mailbox: Mailbox, email: str) -> None:
    """Open the link in the letter to this address."""
    letter = until(lambda: next((mail for mail in mailbox.all() if mail.to == email), None), "the letter")
    visit.page.goto(letter.links[0])
