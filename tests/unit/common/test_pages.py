"""Pages that are made for each answer: who gets one, what is in it, and what it forbids itself."""

from __future__ import annotations

import pytest
from flask import Flask, Response, request
from markupsafe import Markup
from werkzeug.exceptions import NotFound
from werkzeug.test import TestResponse

from functions.common import errors, pages, web
from functions.common.errors import Failure
from tests.unit.pages import Page

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
HOSTILE = "<img src=x onerror=alert(1)>'\"&{0}{title}"


def asked(path: str = "/", accept: str = BROWSER) -> dict[str, object]:
    return {"path": path, "headers": {"Accept": accept} if accept else {}}


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("TEXT/HTML;q=0.2", True),
        ("text/html, application/json;q=0.9", True),
        ("application/json, text/html;q=0.9", False),
        ("application/json, text/html", False),
        ("application/problem+json, text/html", False),
        ("*/*", False),
        ("text/*", False),
        ("text/plain, text/html", False),
        ("text/html;q=0", False),
        ("audio/mpeg", False),
        ("", False),
    ],
)
def test_who_wants_a_page(accept: str, expected: bool) -> None:
    """Clients that prefer HTML to anything else; curl, requests and fetch do not."""
    with Flask("x").test_request_context(**asked(accept=accept)):
        assert pages.wanted(request) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/", "../page/"), ("/ID", "../page/"), ("/ID/", "../../page/"), ("/session/end", "../../page/")],
)
def test_addresses_are_relative_to_the_one_that_was_asked_for(path: str, expected: str) -> None:
    with Flask("x").test_request_context(**asked(path)):
        assert pages.relative(request, "page/") == expected
        moved = pages.moved(request, "page/")
    assert (moved.status_code, moved.headers["Location"], moved.get_data()) == (303, expected, b"")


def test_a_page_shows_hostile_text_as_it_is() -> None:
    with Flask("x").test_request_context(**asked("/ID")):
        response = pages.answer(request, HOSTILE, Markup("<p>{}</p>").format(HOSTILE), 400, {"Retry-After": "1"})
    page = Page(response.get_data(as_text=True))
    assert page.title == f"{HOSTILE} · Video to MP3"
    assert page.text.count(HOSTILE) == 2
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"img", "script", "style", "iframe"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert ("html", {"lang": "en"}) in page.elements
    assert (response.status_code, response.headers["Retry-After"]) == (400, "1")
    assert response.content_type == "text/html; charset=utf-8"


def test_a_page_allows_itself_little() -> None:
    with Flask("x").test_request_context(**asked()):
        headers = pages.answer(request, "", Markup()).headers
    policy = dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def answered(failure: Exception, accept: str, *, events: bool = False) -> TestResponse:
    """Return what becomes of a failure."""
    app = Flask("x")
    web.install_error_handlers(app, events=events)

    @app.route("/")
    def view() -> Response:
        raise failure

    return app.test_client().get("/", headers={"Accept": accept})


@pytest.mark.parametrize(
    ("failure", "status", "sentence"),
    [
        (Failure(errors.NOT_MEDIA), 415, errors.NOT_MEDIA.title),
        (Failure(errors.UNAUTHORIZED), 401, errors.UNAUTHORIZED.title),
        (NotFound(), 404, errors.NOT_FOUND.title),
        (ZeroDivisionError("a secret"), 500, errors.INTERNAL.title),
    ],
)
def test_an_error_is_a_page_for_people(failure: Exception, status: int, sentence: str) -> None:
    """The same sentence and status; programs get what they always got, and so do deliverers of events."""
    response = answered(failure, BROWSER)
    page = Page(response.get_data(as_text=True))
    assert (response.status_code, response.mimetype) == (status, "text/html")
    assert sentence in page.text
    assert "a secret" not in response.get_data(as_text=True)
    assert "../page/" in page.addresses
    assert ("../jobs/" in page.addresses) is (status != 401)
    assert "Basic" not in response.headers.get("WWW-Authenticate", "")
    for accept, events in (("*/*", False), (BROWSER, True)):
        assert answered(failure, accept, events=events).mimetype == "application/problem+json"


def test_an_error_page_says_what_helps() -> None:
    waiting = answered(Failure(errors.TOO_MANY_TRIES, {"Retry-After": "7"}), BROWSER)
    assert (waiting.headers["Retry-After"], "Seconds to wait: 7." in waiting.get_data(as_text=True)) == ("7", True)
    wrong = answered(Failure(errors.INVALID_OPTION, field=HOSTILE, allowed="1 or 2"), BROWSER)
    assert f"Possible for {HOSTILE}: 1 or 2." in Page(wrong.get_data(as_text=True)).text
