"""Shared by the tests of the page: a browser, its visitors, and what the end-to-end tests have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.e2e.conftest import (
    inspector,
    leaves_nothing,
    mailbox,
    no_connector,
    other_user,
    owner,
    route,
    third_user,
    url,
    video,
    videos,
)
from tests.local.private import PrivateStack
from tests.page.browser import Visit, chromium

__all__ = [
    "inspector",
    "leaves_nothing",
    "mailbox",
    "no_connector",
    "other_user",
    "owner",
    "route",
    "third_user",
    "url",
    "video",
    "videos",
]

Visits = Callable[..., Visit]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser. No longer than for a file: Playwright's loop would be in the way of tests with loops of their own."""
    with chromium() as found:
        yield found


@pytest.fixture
def visits(browser: Browser, stack: PrivateStack) -> Iterator[Visits]:
    """Lets visitors come, each with a fresh profile: visits(locale="de", color_scheme="dark", viewport={...}).

    At the end, nobody may have asked for anything outside the system, or have met an error in the console.
    """
    with ExitStack() as leaving:
        came: list[Visit] = []

        def come(**options: Any) -> Visit:
            context = browser.new_context(**({"locale": "en-GB", "service_workers": "block"} | options))
            leaving.callback(context.close)
            visit = Visit(context, stack.gateway)
            came.append(visit)
            return visit

        yield come
        for visit in came:
            visit.check()


@pytest.fixture
def visit(visits: Visits) -> Visit:
    """An English visitor at a desk."""
    return visits()
