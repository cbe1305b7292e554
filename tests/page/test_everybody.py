"""The page for everybody: no fault that axe-core finds, by keyboard alone, on any screen, in any language."""

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
from tests.page.desk import choose, enter, refusal, row, until_done
from tests.page.layouts import PHONE, misfits

AXE = (ROOT / "functions" / "page" / "app" / "node_modules" / "axe-core" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CONTRAST = ["color-contrast"]  # all that a colour scheme changes
UPLOADS = re.compile(r"/upload\?")
SCHEMES: dict[Literal["dark", "light"], list[str]] = {"dark": CONTRAST, "light": RULES}
# A row that is being deleted waits until somebody has looked at it, and a sound goes on until it is stopped.
PATIENT = """
const later = window.setTimeout.bind(window);
window.setTimeout = (run, milliseconds, ...more) => (milliseconds === 5000 ? 0 : later(run, milliseconds, ...more));
"""
ENDLESS = """
const made = document.createElement.bind(document);
document.createElement = (tag, ...more) => Object.assign(made(tag, ...more), tag === "audio" ? {loop: true} : {});
"""


def faults(page: Page) -> list[str]:
    """Return what axe-core finds, in both colour schemes."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found: list[str] = []
    for scheme, rules in SCHEMES.items():
        # Without motion, colours change at once.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        result: dict[str, Any] = page.evaluate(
            "(rules) => axe.run({runOnly: rules, resultTypes: ['violations']})", rules
        )
        for fault in result["violations"]:
            found += [f"{scheme} {fault['id']}: {node['html']} {node['failureSummary']}" for node in fault["nodes"]]
    return found


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str], Path]:
    """Gives a video another name."""
    folder = tmp_path_factory.mktemp("named")
    return lambda file, name: Path(shutil.copy(file, folder / name))


def test_every_state_has_no_fault(
    visit: Visit, other_user: Person, video: Path, videos: Path, named: Callable[[Path, str], Path]
) -> None:
    """In light and dark colours; and it fits, however large the text and whichever way it runs."""
    visit.expect("401|503|507|ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED")
    visit.context.add_init_script(PATIENT)
    page = visit.open()
    states: dict[str, Callable[[], None]] = {
        "a stranger": lambda: expect(page.get_by_role("button", name="Log in")).to_be_visible(),
        "a wrong password": lambda: _wrong(page, other_user.email),
        "signing up": lambda: page.get_by_role("button", name="Sign up").click(),
        "a forgotten password": lambda: _forgotten(page),
        "no files": lambda: _empty(visit, other_user),
        "nothing found": lambda: _nothing(page),
        "options": lambda: _open(page, "More options", "Quality"),
        "a wrong option": lambda: _wrong_option(page),
        "no space left": lambda: _full(page, named(video, "on its way.mp4")),
        "sending": lambda: _sending(page, "on its way.mp4"),
        "paused": lambda: page.get_by_role("button", name="Pause").click(),
        "offline": lambda: _offline(visit),
        "done and failed": lambda: _done(page, "on its way.mp4", silent_video(videos)),
        "playing": lambda: _open(page, "Play", None),
        "sharing": lambda: _share(page),
        "converting again": lambda: _open(page, "Convert again", "Which part"),
        "deleting": lambda: page.get_by_role("button", name="Delete: on its way.mp4").click(),
        "the account": lambda: _account(page, other_user),
        "an error that no place is for": lambda: _toast(page),
        "a session that ended": lambda: _ended(visit, page),
    }
    found: dict[str, list[str]] = {}
    for state, begin in states.items():
        begin()
        found[state] = faults(page) + misfits(page)
    assert {state: each for state, each in found.items() if each} == {}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<p>All of it fits.</p>", ""),
        ("<p style='inline-size: 400px'>wide</p>", "scrolls sideways"),
        ("<div style='inline-size: 2em; overflow: hidden'>Concerto</div>", "cut off"),
        ("<p>one</p><p style='margin-block-start: -1.2em'>another</p>", "overlaps"),
        ("<button style='inline-size: 2em; overflow-wrap: anywhere'>Undo</button>", "broken: Undo"),
        ("<p style='margin-inline-start: -3em'>first</p>", "outside the window: first"),
    ],
)
def test_what_does_not_fit_is_found(visit: Visit, content: str, expected: str) -> None:
    visit.page.set_content(f"<!doctype html><style>p {{ margin: 0 }}</style>{content}")
    found = " ".join(misfits(visit.page))
    assert expected in found if expected else not found


def test_a_file_is_sent_and_heard_by_keyboard_alone(
    visit: Visit, other_user: Person, video: Path, named: Callable[[Path, str], Path]
) -> None:
    visit.context.add_init_script(ENDLESS)
    page = visit.open()
    sent = named(video, "by keyboard.mp4")
    page.on("filechooser", lambda _: None)  # told to the browser long before one opens
    _tab_to(page, "E-mail address")
    page.keyboard.type(other_user.email)
    page.keyboard.press("Tab")
    page.keyboard.type(other_user.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your files")).to_be_visible()
    _tab_to(page, "Choose files")
    with page.expect_file_chooser() as choosing:
        page.keyboard.press("Enter")
    choosing.value.set_files(str(sent))
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
    expect(page.locator("body > [role=status]")).to_be_attached()
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
    assert all(
        re.fullmatch(r"(\S.*\.mp4 (has been sent|is done)\.|\d files (have been sent|are done)\.| )+", each)
        for each in heard
    ), heard


@pytest.mark.parametrize(
    ("locale", "language", "title", "done"),
    [
        ("de-AT", "de", "Der Ton deiner Videos, als MP3", "Fertig"),
        ("es-MX", "es", "El sonido de tus vídeos, en MP3", "Listo"),
        ("fr-FR", "en", "The sound of your videos, as MP3", ""),  # as other tests go on
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
    expect(page.locator(".files h2")).to_be_visible()
    if done:
        sent = named(video, f"{language}.mp4")
        choose(page, sent)
        expect(row(page, sent.name)).to_contain_text(done, timeout=60_000)
    assert misfits(page) == []
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
    page.get_by_label("Start at").fill("soon")
    page.keyboard.press("Tab")
    expect(page.get_by_text("This value does not work")).to_be_visible()
    page.get_by_role("button", name="Clear all").click()
    page.get_by_label("Volume (factor)").fill("11")
    page.keyboard.press("Tab")
    expect(page.get_by_text("This value does not work")).to_be_visible()
    page.get_by_role("button", name="Clear all").click()


def _nothing(page: Page) -> None:
    search = page.get_by_role("searchbox")
    search.fill("שלם")
    expect(page.get_by_text("No file has “\u2068שלם\u2069” in its name.")).to_be_visible()
    search.fill("")
    expect(page.get_by_text("Drop a video.")).to_be_visible()
    search.fill("nothing like it")
    expect(page.get_by_text("No file has “nothing like it” in its name.")).to_be_visible()


def _full(page: Page, file: Path) -> None:
    page.get_by_role("searchbox").fill("")
    expect(page.get_by_text("Drop a video.")).to_be_visible()
    page.route(UPLOADS, refusal(507, "no_space_left"))
    choose(page, file)
    expect(row(page, file.name)).to_contain_text(
        "Your space is full. Delete files that you no longer need, and it continues."
    )


def _offline(visit: Visit) -> None:
    visit.context.set_offline(True)
    expect(visit.page.get_by_text("No connection. The list updates once you are back online.")).to_be_visible()


def _sending(page: Page, name: str) -> None:
    page.unroute(UPLOADS)
    page.route(UPLOADS, lambda route: None, times=1)
    expect(row(page, name)).to_contain_text("Sending")


def _done(page: Page, name: str, silent: Path) -> None:
    page.context.set_offline(False)
    expect(page.get_by_text("No connection.")).to_have_count(0)
    page.get_by_role("button", name="Resume").click()
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
    expect(page.get_by_label("The key, shown only this once")).to_have_value(re.compile("^mp3_"))


def _toast(page: Page) -> None:
    page.route("**/jobs/feed", refusal(503, "unavailable"), times=1)
    page.get_by_role("button", name="End the podcast").click()
    expect(page.get_by_role("alert").filter(has_text="This service is not available at the moment.")).to_be_visible()


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
