"""Pages of others in a browser that is logged in: whatever they can make it send, they do nothing and read nothing."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page

from functions.common.errors import FOREIGN_PAGE
from tests.clients.serving import serving
from tests.e2e.conftest import Person
from tests.local.private import PrivateStack
from tests.page.browser import Visit

# What a page sends to another origin without asking first, and the answer's text, which it must not get.
SENT = """async ([method, url]) => {
  const options = {method, mode: "no-cors", credentials: "include"};
  if (method === "POST") options.body = new Blob(["x"], {type: "text/plain"});
  return await (await fetch(url, options)).text();
}"""
# What it must ask for first.
ASKED = """async ([method, url, headers]) => {
  try {
    await fetch(url, {method, headers, credentials: "include"});
    return "sent";
  } catch { return "stopped"; }
}"""
FORM = """([url, type, name, value]) => {
  const form = Object.assign(document.createElement("form"), {method: "POST", action: url, enctype: type});
  form.append(Object.assign(document.createElement("input"), {name, value}));
  document.body.append(form);
  form.submit();
}"""


class _Empty(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><link rel=icon href=data:,><title>x</title><body>")

    def log_message(self, *_: object) -> None:
        """Be silent."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """The port of a page of somebody else."""
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), _Empty)) as server:
        yield server.server_port


@pytest.fixture(params=["localhost", "127.0.0.1"])
def foreign(
    request: pytest.FixtureRequest, browser: Browser, stack: PrivateStack, elsewhere: int, other_user: Person
) -> Iterator[Page]:
    """The page of a neighbour, to which a browser sends SameSite=Strict, or of a stranger; the visitor is logged in."""
    with browser.new_context(service_workers="block") as context:
        visit = Visit(context, stack.gateway)
        visit.log_in(other_user)
        visit.page.goto(f"http://{request.param}:{elsewhere}/")
        yield visit.page


def refusal(page: Page, stack: PrivateStack) -> int:
    """Return the status of requests without more: the neighbour's have the cookie."""
    return 403 if page.url.startswith(stack.gateway.rpartition(":")[0]) else 401


def kept(page: Page) -> object:
    """Return the session."""
    (cookie,) = page.context.cookies()
    return cookie


@pytest.mark.attack("C1", "C2")
def test_requests_that_need_no_permission(foreign: Page, stack: PrivateStack) -> None:
    session = kept(foreign)
    for method, path in (
        ("GET", "/jobs"),
        ("GET", "/download?fid=00000000-0000-4000-8000-000000000000"),
        ("POST", "/jobs/feed"),
        ("POST", "/upload?filename=a.mp4"),
        ("POST", "/login/session"),
    ):
        with foreign.expect_response(f"{stack.gateway}{path}") as answer:
            assert foreign.evaluate(SENT, [method, stack.gateway + path]) == ""
        assert answer.value.status == refusal(foreign, stack), path
    assert kept(foreign) == session


@pytest.mark.attack("C3")
def test_requests_that_need_permission(foreign: Page, stack: PrivateStack) -> None:
    """The browser asks for it, and does not get it."""
    session = kept(foreign)
    sent: list[tuple[str, str]] = []
    foreign.context.on("response", lambda answer: sent.append((answer.request.method, answer.url)))
    for method, path, headers in (
        ("GET", "/jobs", {"X-Requested-With": "page"}),
        ("POST", "/upload?filename=a.mp4", {"X-Requested-With": "page"}),
        ("DELETE", "/login/session", {}),
        ("POST", "/login/session", {"Authorization": "Basic eDp5"}),
    ):
        assert foreign.evaluate(ASKED, [method, stack.gateway + path, headers]) == "stopped"
        assert (method, stack.gateway + path) not in sent
    assert kept(foreign) == session


@pytest.mark.attack("C4")
def test_a_form_that_logs_in_as_somebody_else(foreign: Page, stack: PrivateStack, owner: Person) -> None:
    """Of a password in an address, a browser makes credentials once it is asked for them: a stranger's form sends them.

    Without them, and without the cookie, the answer would be 401.
    """
    session = kept(foreign)
    scheme, _, host = stack.gateway.partition("://")
    address = f"{scheme}://{quote(owner.email)}:{quote(owner.password)}@{host}/login/session"
    with foreign.expect_navigation() as answer:
        foreign.evaluate(FORM, [address, "text/plain", '{"a":"', '"}'])
    assert answer.value is not None
    assert answer.value.status == 403
    assert FOREIGN_PAGE.title in foreign.get_by_role("alert").inner_text()
    assert kept(foreign) == session


@pytest.mark.attack("C2")
@pytest.mark.parametrize("kind", ["multipart/form-data", "application/x-www-form-urlencoded"])
def test_a_form_that_sends_a_file(foreign: Page, stack: PrivateStack, kind: str) -> None:
    status = refusal(foreign, stack)
    with foreign.expect_navigation() as answer:
        foreign.evaluate(FORM, [f"{stack.gateway}/upload?filename=a.mp4", kind, "file", "x"])
    assert answer.value is not None
    assert answer.value.status == status
