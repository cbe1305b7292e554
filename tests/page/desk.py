"""What a person does with the page, in the words that they read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.conftest import Person
from tests.page.browser import Visit

DONE_MILLISECONDS = 60_000  # for a conversion on a machine that does other things as well


def enter(visit: Visit, person: Person) -> Page:
    """Open the page and log in as a person does."""
    page = visit.open()
    fill_in(page, person.email, person.password)
    expect(page.get_by_role("heading", name="Your files")).to_be_visible()
    return page


def fill_in(page: Page, email: str, password: str) -> None:
    """Fill in the form, in whichever language, and send it."""
    page.locator("[name=email]").fill(email)
    page.locator("[name=password]").fill(password)
    page.locator("form button").click()


def choose(page: Page, *files: Path) -> None:
    """Choose files by the button."""
    page.locator("input[type=file]").first.set_input_files([str(file) for file in files])


def drop(page: Page, file: Path) -> None:
    """Drop a file somewhere on the page, as a mouse does."""
    page.evaluate("() => window.dropped = new DataTransfer()")
    page.locator("body").evaluate(
        "(body) => body.append(Object.assign(document.createElement('input'), {type: 'file', id: 'carried'}))"
    )
    page.locator("#carried").set_input_files(str(file))
    page.evaluate(
        """() => {
            const carried = document.getElementById("carried");
            window.dropped.items.add(carried.files[0]);
            carried.remove();
            for (const kind of ["dragenter", "dragover", "drop"])
                document.body.dispatchEvent(
                    new DragEvent(kind, {dataTransfer: window.dropped, bubbles: true, cancelable: true}));
        }"""
    )


def row(page: Page, name: str) -> Locator:
    """Return the row of a file."""
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name, exact=True))


def until_done(page: Page, names: Iterable[str]) -> None:
    """Wait until all of these files are done."""
    for name in names:
        expect(row(page, name)).to_contain_text(re.compile("Done|Fertig|Listo"), timeout=DONE_MILLISECONDS)


def refusal(status: int, code: str) -> Callable[[Route], None]:
    """Return what answers a request with a problem, in the place of the service."""
    body = json.dumps({"code": code, "title": ""})
    return lambda route: route.fulfill(status=status, content_type="application/problem+json", body=body)
