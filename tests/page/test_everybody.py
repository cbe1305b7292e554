"""The page for everybody: no fault that axe-core finds, by keyboard alone, on small screens, in three languages."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from local.home import ROOT
from tests.e2e.conftest import Person
from tests.media.videos import silent_video
from tests.page.browser import Visit
from tests.page.conftest import Visits
from tests.page.desk import choose, enter, row, until_done

AXE = (ROOT / "functions" / "page" / "app" / "node_modules" / "axe-core" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CONTRAST = ["color-contrast"]  # all that a colour scheme changes
PHONE = {"width": 390, "height": 844}
# The states that show every colour there is.
IN_THE_DARK = {"a wrong password", "a wrong option", "sending", "playing", "sharing", "the account"}


def faults(page: Page, *, dark: bool) -> list[str]:
    """Return what axe-core finds, in one or both colour schemes."""
    page.evaluate(AXE)
    found: list[str] = []
    schemes: dict[Literal["light", "dark"], list[str]] = {"light": RULES}
    if dark:
        schemes["dark"] = CONTRAST
    for scheme, rules in schemes.items():
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        result: dict[str, Any] = page.evaluate("(rules) => axe.run({runOnly: rules})", rules)
        for fault in result["violations"]:
            found += [f"{scheme} {fault['id']}: {node['html']} {node['failureSummary']}" for node in fault["nodes"]]
    return found


def is_within(page: Page) -> bool:
    """Tell whether nothing is wider than the window."""
    wide: bool = page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    return wide


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str], Path]:
    """Gives a video another name."""
    folder = tmp_path_factory.mktemp("named")
    return lambda file, name: Path(shutil.copy(file, folder / name))


def test_every_state_has_no_fault(
    visit: Visit, other_user: Person, video: Path, videos: Path, named: Callable[[Path, str], Path]
) -> None:
    visit.expect("401")
    page = visit.open()
    states: dict[str, Callable[[], None]] = {
        "a stranger": lambda: expect(page.get_by_role("button", name="Log in")).to_be_visible(),
        "a wrong password": lambda: _wrong(page, other_user.email),
        "signing up": lambda: page.get_by_role("button", name="Sign up").click(),
        "a forgotten password": lambda: _forgotten(page),
        "no files": lambda: _empty(visit, other_user),
        "options": lambda: _open(page, "More options", "Quality"),
        "a wrong option": lambda: _wrong_option(page),
        "sending": lambda: _sending(page, named(video, "on its way.mp4")),
        "paused": lambda: page.get_by_role("button", name="Pause").click(),
        "done and failed": lambda: _done(page, "on its way.mp4", silent_video(videos)),
        "playing": lambda: _open(page, "Play", None),
        "sharing": lambda: _share(page),
        "converting again": lambda: _open(page, "Convert again", "Which part"),
        "deleting": lambda: page.get_by_role("button", name="Delete").first.click(),
        "the account": lambda: _account(page, other_user),
        "a session that ended": lambda: _ended(visit, page),
    }
    found: dict[str, list[str]] = {}
    for state, begin in states.items():
        begin()
        found[state] = faults(page, dark=state in IN_THE_DARK)
        page.set_viewport_size({"width": 320, "height": 640})
        if not is_within(page):
            found[state].append("wider than 320 px")
        page.set_viewport_size({"width": 1000, "height": 800})
    assert {state: each for state, each in found.items() if each} == {}


def test_a_file_is_sent_and_heard_by_keyboard_alone(
    visit: Visit, other_user: Person, video: Path, named: Callable[[Path, str], Path]
) -> None:
    page = visit.open()
    sent = named(video, "by keyboard.mp4")
    page.on("filechooser", lambda chooser: chooser.set_files(str(sent)))
    _tab_to(page, "E-mail address")
    page.keyboard.type(other_user.email)
    page.keyboard.press("Tab")
    page.keyboard.type(other_user.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your files")).to_be_visible()
    _tab_to(page, "Choose files")
    page.keyboard.press("Enter")
    until_done(page, [sent.name])
    _tab_to(page, f"Play: {sent.name}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=f"Pause: {sent.name}")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name=f"Pause: {sent.name}")).to_have_count(0)
    _tab_to(page, "Position")


def test_a_screen_reader_hears_ends_and_not_progress(
    visit: Visit, other_user: Person, video: Path, named: Callable[[Path, str], Path]
) -> None:
    page = enter(visit, other_user)
    page.evaluate(
        """() => {
            window.heard = [];
            const region = document.querySelector("body > [role=status]");
            new MutationObserver(() => window.heard.push(region.textContent)).observe(region, {childList: true});
        }"""
    )
    files = [named(video, f"heard {number}.mp4") for number in range(4)]
    choose(page, *files)
    until_done(page, [file.name for file in files])
    page.wait_for_function("() => window.heard.join(' ').match(/done/)")
    heard = page.evaluate("window.heard")
    assert len(heard) <= 2 * len(files)
    assert all(re.fullmatch(r"(\S.*\.mp4 is (sent|done)\.|\d files are (sent|done)\.| )+", each) for each in heard), (
        heard
    )


@pytest.mark.parametrize(
    ("locale", "language", "title", "done"),
    [
        ("de-AT", "de", "Der Ton deiner Videos, als MP3", "Fertig"),
        ("es-MX", "es", "El sonido de tus vídeos, en MP3", "Listo"),
        ("fr-FR", "en", "The sound of your videos, as MP3", "Done"),
    ],
)
def test_each_language_on_a_phone(
    visits: Visits,
    other_user: Person,
    video: Path,
    named: Callable[[Path, str], Path],
    locale: str,
    language: str,
    title: str,
    done: str,
) -> None:
    visit = visits(locale=locale, viewport=PHONE, has_touch=True, is_mobile=True)
    page = visit.open()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    assert page.locator("html").get_attribute("lang") == language
    page.locator("[name=email]").fill(other_user.email)
    page.locator("[name=password]").fill(other_user.password)
    page.locator("form button").tap()
    sent = named(video, f"{language}.mp4")
    choose(page, sent)
    expect(row(page, sent.name)).to_contain_text(done, timeout=60_000)
    assert is_within(page)
    assert not re.search(r"\b(up|job|do|list|drop|preset)\.\w+", page.locator("body").inner_text()), "a key, not a text"


def test_nothing_jumps_while_the_page_is_opened(visit: Visit, other_user: Person) -> None:
    visit.context.add_init_script(
        "window.jumps = []; new PerformanceObserver((list) => window.jumps.push(...list.getEntries()"
        ".filter((entry) => !entry.hadRecentInput).map((entry) => entry.value)))"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    page = visit.open()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert sum(page.evaluate("window.jumps")) < 0.02
    page = enter(visit, other_user)
    page.reload()
    expect(page.get_by_text("Drop a video.")).to_be_visible()
    assert sum(page.evaluate("window.jumps")) < 0.02


def _wrong(page: Page, email: str) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")


def _forgotten(page: Page) -> None:
    page.get_by_role("button", name="Back to log in").click()
    page.get_by_role("button", name="Forgotten your password?").click()


def _empty(visit: Visit, person: Person) -> None:
    enter(visit, person)
    expect(visit.page.get_by_text("Drop a video.")).to_be_visible()


def _open(page: Page, button: str, heading: str | None) -> None:
    page.get_by_role("button", name=button).first.click()
    if heading:
        expect(page.get_by_text(heading, exact=True).first).to_be_visible()


def _wrong_option(page: Page) -> None:
    page.get_by_label("Begin at").fill("soon")
    page.keyboard.press("Tab")
    expect(page.get_by_text("This takes another value")).to_be_visible()
    page.get_by_role("button", name="Clear all").click()
    page.get_by_label("Volume (factor)").fill("11")
    page.keyboard.press("Tab")
    expect(page.get_by_text("This takes another value")).to_be_visible()
    page.get_by_role("button", name="Clear all").click()


def _sending(page: Page, file: Path) -> None:
    page.route(re.compile(r"/upload\?"), lambda route: None, times=1)
    choose(page, file)
    expect(row(page, file.name)).to_contain_text("Sending")


def _done(page: Page, name: str, silent: Path) -> None:
    page.get_by_role("button", name="Go on").click()
    choose(page, silent)
    until_done(page, [name])
    expect(row(page, silent.name)).to_contain_text("No sound track", timeout=60_000)


def _share(page: Page) -> None:
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_role("textbox", name="Link")).to_have_value(re.compile("^http"))


def _account(page: Page, person: Person) -> None:
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("link", name="Account").click()
    page.get_by_role("button", name="Make an address").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="API keys")).to_be_visible()
    page.get_by_label("What it is for").fill("my laptop")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_label("The key, shown this once")).to_have_value(re.compile("^mp3_"))


def _ended(visit: Visit, page: Page) -> None:
    page.get_by_role("link", name="Back to your files").click()
    visit.context.clear_cookies()
    page.get_by_role("searchbox").fill("x")
    expect(page.get_by_role("dialog")).to_be_visible()


def _tab_to(page: Page, name: str) -> None:
    """Press Tab until something with this name has the focus, as its label or text says."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "(document.activeElement.ariaLabel ?? document.activeElement.labels?.[0]?.textContent"
            " ?? document.activeElement.textContent).trim()"
        )
        if focused == name:
            return
    raise AssertionError(f"Tab never reached {name}")
