"""The session of the page: where its cookie is sent, and whose requests may use it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from functions.common import errors, session, web
from functions.common.bearer import Bearer
from functions.common.errors import Failure
from functions.common.tokens import Signer, Verifier
from local.token_keys import private_key

KEY = private_key()
SIGNER = Signer(KEY, 86_400)
VERIFIER = Verifier(json.dumps(SIGNER.key_set))
ADA, BOB = Bearer("1", "ada@example.org"), Bearer("2", "bob@example.org")
TOKEN = SIGNER.sign(ADA)
PLAIN = "http://localhost:8080/{function}"
TLS = "https://mp3.example.org/{function}"
BELOW = "https://example.org/function/{function}"
OWN_HOSTS = "https://{function}.example.org"
PAGE = {"X-Requested-With": "page"}


def request(
    url: str = PLAIN, cookie: str | None = None, method: str = "GET", host: str = "localhost:8080", **headers: str
) -> Request:
    """Return a request with the cookie of this public URL, or with another Cookie."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    cookie = f"{session.cookie(url).name}={TOKEN}" if cookie is None else cookie
    fields = [("Host", host), ("Cookie", cookie), *named.items()]
    return Request(EnvironBuilder(method=method, headers=fields).get_environ())


def bearer(asked: Request, url: str = PLAIN, check: session.Check | None = None) -> Bearer:
    return web.bearer(asked, VERIFIER, None, url, check)


def refused(asked: Request, url: str = PLAIN, check: session.Check | None = None) -> Failure:
    with pytest.raises(Failure) as failure:
        bearer(asked, url, check)
    return failure.value


@pytest.mark.attack("C5")
@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (PLAIN, "mp3converter=x; Max-Age=60; HttpOnly; Path=/; SameSite=Strict"),
        (TLS, "__Host-mp3converter=x; Secure; Max-Age=60; HttpOnly; Path=/; SameSite=Strict"),
        (BELOW, "__Secure-mp3converter=x; Secure; Max-Age=60; HttpOnly; Path=/function/; SameSite=Strict"),
        (OWN_HOSTS, "__Host-mp3converter=x; Secure; Max-Age=60; HttpOnly; Path=/; SameSite=Strict"),
        ("http://h/a/b/f-{function}/c", "mp3converter=x; Max-Age=60; HttpOnly; Path=/a/b/; SameSite=Strict"),
    ],
)
def test_the_attributes(url: str, expected: str) -> None:
    """Never a Domain: the cookie is of one host."""
    response = Response()
    session.begin(response, "x", 60, url)
    without_date = [each for each in response.headers["Set-Cookie"].split("; ") if not each.startswith("Expires=")]
    assert sorted(without_date) == sorted(expected.split("; "))


def test_the_end_names_the_same_cookie() -> None:
    response = Response()
    session.end(response, BELOW)
    found = response.headers["Set-Cookie"].split("; ")
    assert found[0] == "__Secure-mp3converter="
    assert {"Secure", "Max-Age=0", "HttpOnly", "Path=/function/", "SameSite=Strict"} <= set(found)


@pytest.mark.attack("C2")
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (PLAIN, {}),
        (PLAIN, {"Origin": "http://localhost:8080", "Sec_Fetch_Site": "same-origin"}),
        (PLAIN, {"Origin": "http://192.0.2.1:8080", "host": "192.0.2.1:8080"}),
        (PLAIN, {"Origin": "https://mp3.example.org", "host": "mp3.example.org"}),
        (PLAIN, {"Origin": "http://a.example.org", "host": "jobs.svc.local", "X_Forwarded_Host": "b, a.example.org"}),
        (TLS, {"Origin": "https://mp3.example.org", "host": "jobs.svc.local"}),
        (TLS, {"Origin": "https://other.example.org", "host": "Other.example.org"}),
        (BELOW, {"Origin": "https://example.org", "host": "gateway:8080"}),
    ],
    ids=range(8),
)
def test_our_own_page_may_use_it(url: str, headers: dict[str, str], method: str) -> None:
    """By whichever name it was reached, and through proxies that change the host."""
    asked: dict[str, Any] = {"X_Requested_With": "page", **headers}
    assert bearer(request(url, method=method, **asked), url) == ADA


@pytest.mark.attack("C1", "C2")
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (PLAIN, {}),
        (PLAIN, {"X_Requested_With": ""}),
        (PLAIN, {"Origin": "http://localhost:8080"}),
        (PLAIN, {**PAGE, "Origin": "https://evil.example.org"}),
        (PLAIN, {**PAGE, "Origin": "null"}),
        (PLAIN, {**PAGE, "Origin": ""}),
        (PLAIN, {**PAGE, "Origin": "http://localhost"}),
        (PLAIN, {**PAGE, "Origin": "http://localhost:8081"}),
        (PLAIN, {**PAGE, "Origin": "http://localhost:8080.evil.example.org"}),
        (PLAIN, {**PAGE, "Origin": "file://localhost:8080"}),
        (PLAIN, {**PAGE, "Origin": "http://localhost:8080, http://localhost:8080"}),
        (PLAIN, {**PAGE, "Sec_Fetch_Site": "cross-site"}),
        (PLAIN, {**PAGE, "Sec_Fetch_Site": "same-site", "Origin": "http://localhost:8080"}),
        (PLAIN, {**PAGE, "Sec_Fetch_Site": "none"}),
        (TLS, {**PAGE, "Origin": "http://mp3.example.org", "host": "mp3.example.org"}),
        (TLS, {**PAGE, "Origin": "https://evil.mp3.example.org", "host": "mp3.example.org"}),
        (OWN_HOSTS, {**PAGE, "Origin": "https://upload.example.org", "host": "jobs.example.org"}),
    ],
    ids=range(17),
)
def test_no_other_page_may(url: str, headers: dict[str, Any], method: str) -> None:
    failure = refused(request(url, method=method, **headers), url)
    assert (failure.kind, failure.headers) == (errors.FOREIGN_PAGE, {})
    assert failure.__cause__


FORMS = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (PLAIN, {"Origin": "http://localhost:8080"}),
        (PLAIN, {"Origin": "http://192.0.2.1:8080", "host": "192.0.2.1:8080", "Sec_Fetch_Site": "same-origin"}),
        (TLS, {"Origin": "https://mp3.example.org", "host": "jobs.svc.local"}),
        (BELOW, {"Origin": "https://example.org", "host": "gateway:8080"}),
    ],
    ids=range(4),
)
def test_a_form_of_our_own_page_may_use_it(url: str, headers: dict[str, Any], kind: str) -> None:
    assert bearer(request(url, method="POST", Content_Type=kind, **headers), url) == ADA


@pytest.mark.attack("C1", "C2")
@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (PLAIN, {}),
        (PLAIN, {"Sec_Fetch_Site": "same-origin"}),
        (PLAIN, {"Origin": "null"}),
        (PLAIN, {"Origin": ""}),
        (PLAIN, {"Origin": "https://evil.example.org"}),
        (PLAIN, {"Origin": "http://localhost:8081"}),
        (PLAIN, {"Origin": "http://localhost:8080", "Sec_Fetch_Site": "cross-site"}),
        (PLAIN, {"Origin": "http://localhost:8080", "Sec_Fetch_Site": "same-site"}),
        (PLAIN, {"Origin": "http://localhost:8080", "Sec_Fetch_Site": "none"}),
        (PLAIN, {"Origin": "http://localhost:8080", "method": "PUT"}),
        (TLS, {"Origin": "http://mp3.example.org", "host": "mp3.example.org"}),
        (OWN_HOSTS, {"Origin": "https://upload.example.org", "host": "jobs.example.org"}),
    ],
    ids=range(12),
)
def test_a_form_of_another_page_may_not(url: str, headers: dict[str, Any], kind: str) -> None:
    asked = request(url, **({"method": "POST", "Content_Type": kind} | headers))
    assert refused(asked, url).kind is errors.FOREIGN_PAGE


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "", "x-www-form-urlencoded", "multipart/mixed"])
def test_what_a_form_cannot_be_is_none(kind: str) -> None:
    asked = request(method="POST", Content_Type=kind, Origin="http://localhost:8080")
    assert refused(asked).kind is errors.FOREIGN_PAGE


def test_a_look_needs_neither() -> None:
    """By a link of our own page, by a bookmark, or with a browser that does not say."""
    for method in ("GET", "HEAD"):
        for said in ({}, {"Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"}):
            assert bearer(request(method=method, **said), check=session.check_look) == ADA


@pytest.mark.parametrize(
    "headers",
    [
        {"method": "POST"},
        {"method": "DELETE"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "https://evil.example.org"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_no_other_page_may_look(headers: dict[str, Any]) -> None:
    assert refused(request(**headers), check=session.check_look).kind is errors.FOREIGN_PAGE


@pytest.mark.attack("C7")
def test_no_cookie_is_no_session() -> None:
    """Nor is one of another name, which a neighbour could set."""
    for url, cookie in ((PLAIN, ""), (PLAIN, f"other={TOKEN}"), (TLS, f"mp3converter={TOKEN}")):
        failure = refused(request(url, cookie, X_Requested_With="page"), url)
        assert failure.kind is errors.UNAUTHORIZED
        assert failure.headers == {"WWW-Authenticate": 'Bearer realm="mp3converter"'}
    assert refused(request(cookie=f"mp3converter={TOKEN}", X_Requested_With="page"), "").kind is errors.UNAUTHORIZED


@pytest.mark.attack("A4", "A7", "C6", "C7")
@pytest.mark.parametrize(
    "cookie",
    [
        f"mp3converter={TOKEN}; mp3converter={TOKEN}",
        f"mp3converter=; mp3converter={TOKEN}",
        "mp3converter=",
        f"mp3converter={TOKEN}x",
        f"mp3converter={TOKEN},mp3converter={TOKEN}",
        f"mp3converter={Signer(private_key(), 60).sign(ADA)}",
        f"mp3converter={Signer(KEY, -60).sign(ADA)}",
        "mp3converter=mp3_0123456789012345678901234567890",
    ],
    ids=["two", "two, one empty", "empty", "changed", "joined", "another key", "expired", "an API key"],
)
def test_a_cookie_without_a_valid_token(cookie: str) -> None:
    failure = refused(request(cookie=cookie, X_Requested_With="page"))
    assert failure.kind is errors.INVALID_TOKEN
    assert failure.headers == {"WWW-Authenticate": 'Bearer realm="mp3converter", error="invalid_token"'}


@pytest.mark.attack("C9")
def test_a_token_goes_before_the_cookie() -> None:
    """A wrong one too, and from any page."""
    for page in (PAGE, {}, {"Origin": "https://app.example.org"}):
        named = {name.replace("-", "_"): value for name, value in page.items()}
        assert bearer(request(Authorization=f"Bearer {SIGNER.sign(BOB)}", **named)) == BOB
        assert refused(request(Authorization=f"Bearer {TOKEN}x", **named)).kind is errors.INVALID_TOKEN
