"""Debian's Chromium, watched: what a visit asks for beyond the system, and every error that the browser reports."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from local.page import FOLDER, OWN_PACKAGES
from tests.e2e.conftest import Person
from tests.tools import debian

FLAGS = (
    # The browser itself looks up no other name and calls nobody, besides what Playwright turns off.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--disable-domain-reliability",
    "--no-pings",
    # There is no sound card, and a test cannot press a key before each sound.
    "--autoplay-policy=no-user-gesture-required",
)
LOCAL_SCHEMES = ("blob", "data", "about")
SECONDS = 30.0
AXE = FOLDER / "app" / OWN_PACKAGES / "axe-core" / "axe.min.js"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a browser, installed if it is missing."""
    program = debian.program("chromium", "chromium")
    expect.set_options(timeout=SECONDS * 1000)  # five seconds are few on a machine that does other things as well
    with sync_playwright() as playwright:
        # As root it starts only without its sandbox; what it shows is our own.
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS], chromium_sandbox=False)
        try:
            yield browser
        finally:
            browser.close()


def session(context: BrowserContext, gateway: str, email: str, password: str) -> None:
    """Begin the session of a user."""
    pair = base64.b64encode(f"{email}:{password}".encode()).decode()
    headers = {"X-Requested-With": "page", "Authorization": f"Basic {pair}"}
    answer = context.request.post(urljoin(gateway, "/login/session"), headers=headers)
    assert answer.ok, answer.text()


@dataclass
class Visit:
    """A visitor with a fresh profile. What they see is in `page`; `check` fails if anything went wrong meanwhile."""

    context: BrowserContext
    gateway: str
    page: Page = field(init=False)
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(SECONDS * 1000)
        self.context.on("request", self._requested)
        self.context.on("requestfailed", self._failed)
        self.context.on("console", self._said)
        self.context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self.page = self.context.new_page()

    def open(self, path: str = "/page/") -> Page:
        """Go to an address of the gateway."""
        self.page.goto(f"{self.gateway}{path}")
        return self.page

    def log_in(self, person: Person) -> None:
        """Begin the session that the page itself would begin."""
        session(self.context, self.gateway, person.email, person.password)

    def expect(self, pattern: str) -> None:
        """Let a test cause an error that the browser reports, such as a refused password."""
        self.expected.append(pattern)

    def check(self) -> None:
        """Fail if anything outside the system was asked for, or the browser reported an error."""
        unexpected = [error for error in self.errors if not any(re.search(known, error) for known in self.expected)]
        assert not self.outside, f"asked for {self.outside}"
        assert not unexpected, f"the browser reported {unexpected}"

    def _requested(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in LOCAL_SCHEMES and f"{address.scheme}://{address.netloc}" != self.gateway:
            self.outside.append(request.url)

    def _failed(self, request: Request) -> None:
        # What the page's own policy stopped was not asked for, and the console has told it.
        if request.failure == "csp" and request.url in self.outside:
            self.outside.remove(request.url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.text} ({message.location['url']})")


def barriers(page: Page) -> list[str]:
    """Return what axe-core finds in a page that keeps people out (WCAG 2.2 A and AA, and good practice)."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [f"{one['id']}: {node['target']}" for one in found["violations"] for node in one["nodes"]]
