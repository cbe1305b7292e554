"""Sessions over HTTP and TLS: they begin, are renewed and end, and nobody else's page begins one."""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import requests
from flask import Flask, Response, request
from werkzeug.serving import make_server

from functions.backends import users as users_backend
from functions.backends.users import ACTIVE, CLOSING, DISABLED, WAITING
from functions.common import web
from functions.common.bearer import Bearer
from functions.common.config import load_all
from functions.common.settings import Links, SignedLinks, Signing, Throttling
from functions.common.tokens import Signer, Verifier
from functions.login import changes, step, throttle
from functions.login.throttle import Throttle
from local.token_keys import private_key
from tests.certificates import self_signed
from tests.clients.serving import serving
from tests.unit.login.failures import MemoryFailures
from tests.unit.login.users import MemoryUsers
from tests.vectors import origins

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

EMAIL, PASSWORD = "ada@example.org", "correct horse"
KEY = private_key()
NAME = "__Secure-mp3converter"
METHODS = ["GET", "POST", "PUT", "DELETE"]
PAGE = {"X-Requested-With": "page"}
SETTINGS = {
    "JWT_PRIVATE_KEY": KEY,
    "TOKEN_TTL_SECONDS": "600",
    "LINK_SECRET": "0123456789abcdef" * 2,
    "PUBLIC_URL": "https://localhost/function/{function}",
}
LOADED = load_all((Signing, Links, SignedLinks), SETTINGS)


@pytest.fixture(autouse=True)
def users(monkeypatch: pytest.MonkeyPatch) -> MemoryUsers:
    """One user."""
    known = MemoryUsers()
    changes.add(known, EMAIL, PASSWORD)
    monkeypatch.setattr(users_backend, "connect", lambda: known)
    limits = Throttling(trusted_proxies=0, account_tries=2, address_tries=0, letters=2)
    throttled = Throttle(MemoryFailures(), limits, "secret")
    monkeypatch.setattr(throttle, "connect", lambda: throttled)
    return known


class Browser:
    """A client that keeps cookies as a browser does, on the page of a gateway like OpenFaaS's."""

    def __init__(self, gateway: str, certificate: Path) -> None:
        self.url = f"{gateway}/function/login"
        self.http = requests.Session()
        self.http.verify = str(certificate)
        self.http.trust_env = False
        self.http.headers.update({**PAGE, "Origin": gateway, "Sec-Fetch-Site": "same-origin"})

    def begin(self, password: str | None = PASSWORD, path: str = "?session", **headers: Any) -> requests.Response:
        """Begin a session, or renew it without a password."""
        auth = (EMAIL, password) if password else None
        return self.http.post(self.url + path, auth=auth, headers=headers, timeout=30)

    def end(self, path: str = "?session") -> requests.Response:
        """End the session."""
        return self.http.delete(self.url + path, timeout=30)

    def send(self, path: str = "/session/begin", password: str = PASSWORD, **headers: Any) -> requests.Response:
        """Send a form, as browsers without scripts do."""
        fields = {"email": EMAIL, "password": password}
        kept: dict[str, Any] = {"X-Requested-With": None, "Accept": "text/html,*/*;q=0.8"} | headers
        return self.http.post(self.url + path, data=fields, headers=kept, allow_redirects=False, timeout=30)

    def token(self) -> str | None:
        """Return the token in the cookie."""
        return self.http.cookies.get(NAME)

    def forge(self, token: str) -> None:
        """Replace the cookie."""
        self.http.cookies.clear()
        self.http.cookies.set(NAME, token, domain="localhost.local", path="/function/", secure=True)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A browser, with login behind TLS."""
    app = Flask("login")

    @app.route("/", methods=METHODS)
    @app.route("/<path:_>", methods=METHODS)
    def answer(_: str = "") -> Response:
        return step.answer(cast(Any, request), LOADED)

    web.install_error_handlers(app, events=False)

    def mounted(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/function/login") or "/"
        return app(environ, start)

    certificate = self_signed(tmp_path / "certificate.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(make_server("localhost", 0, mounted, ssl_context=context)) as server:
        found = Browser(f"https://localhost:{server.server_port}", certificate)
        yield found
        found.http.close()


def verified(token: str | None) -> Bearer:
    assert token
    return Verifier(json.dumps(Signer(KEY, 60).key_set)).verify(token)


@pytest.mark.attack("C5")
@pytest.mark.parametrize("path", ["?session", "/session", "/?session=1"])
def test_a_session_begins_and_ends(browser: Browser, path: str) -> None:
    answer = browser.begin(path=path)
    assert (answer.status_code, answer.json()) == (200, {"email": EMAIL, "expires_in": 600, "mails": True})
    assert answer.headers["Cache-Control"] == "no-store"
    attributes = answer.headers["Set-Cookie"].split("; ")
    assert attributes[0] == f"{NAME}={browser.token()}"
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Max-Age=600", "Path=/function/"} == {
        each for each in attributes[1:] if not each.startswith("Expires=")
    }
    assert verified(browser.token())[:2] == ("1", EMAIL)
    ended = browser.end(path)
    assert (ended.status_code, ended.content, browser.token()) == (204, b"", None)
    assert browser.end(path).status_code == 204


def test_it_is_renewed_by_its_cookie(browser: Browser, users: MemoryUsers) -> None:
    """Also twice by the same one, as two tabs do; and it tells what has changed of the account."""
    browser.begin()
    first = browser.token()
    assert first
    for mails in (True, False):
        users.rows[1] = replace(users.rows[1], mails=mails)
        browser.forge(first)
        answer = browser.begin(None)
        assert (answer.status_code, answer.json()) == (200, {"email": EMAIL, "expires_in": 600, "mails": mails})
        assert verified(browser.token()) == verified(first)
        assert browser.token() != first


@pytest.mark.attack("C11")
@pytest.mark.parametrize(("state", "expected"), [(DISABLED, 403), (CLOSING, 401), (WAITING, 401), (None, 401)], ids=str)
def test_an_account_that_may_not_log_in_renews_nothing(
    browser: Browser, users: MemoryUsers, state: str | None, expected: int
) -> None:
    browser.begin()
    if state is None:
        users.rows.clear()
    else:
        users.change_state(1, state, ACTIVE)
    answer = browser.begin(None)
    code = {401: "invalid_token", 403: "account_disabled"}[expected]
    assert (answer.status_code, answer.json()["code"]) == (expected, code)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.attack("C11")
def test_a_new_password_ends_sessions(browser: Browser) -> None:
    """Even if it is the same: a thief who knows it must bring it."""
    browser.begin()
    given = {"password": "another horse"}
    assert (
        browser.http.put(f"{browser.url}/password", auth=(EMAIL, PASSWORD), json=given, timeout=30).status_code == 204
    )
    assert browser.begin(None).json()["code"] == "invalid_token"
    assert browser.begin("another horse").status_code == 200
    assert browser.begin(None).status_code == 200


@pytest.mark.attack("C11")
def test_it_is_not_renewed_for_ever(browser: Browser) -> None:
    browser.begin()
    begun = verified(browser.token())
    moment, _, mark = begun.session.partition(".")
    assert abs(int(moment) - time.time()) < 600
    for earlier, expected in ((30 * 86_400 - 600, 200), (30 * 86_400, 401)):
        browser.forge(Signer(KEY, 600).sign(begun._replace(session=f"{int(moment) - earlier}.{mark}")))
        assert browser.begin(None).status_code == expected


@pytest.mark.attack("C6")
def test_a_token_is_no_session(browser: Browser) -> None:
    """One that a program got by its password, or that has expired, or that another key signed, renews nothing."""
    plain = browser.http.post(browser.url, auth=(EMAIL, PASSWORD), timeout=30).text
    browser.begin()
    begun = verified(browser.token())
    for token in (plain, Signer(KEY, -60).sign(begun), Signer(private_key(), 600).sign(begun), "", "x"):
        browser.forge(token)
        answer = browser.begin(None)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    browser.forge(Signer(KEY, 600).sign(begun))
    assert browser.begin(None).status_code == 200


@pytest.mark.attack("C4")
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Requested-With": None},
        {"Origin": "https://evil.example.org"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_another_page_begins_renews_and_ends_nothing(browser: Browser, headers: dict[str, Any]) -> None:
    """Nor does it log somebody in as the attacker."""
    assert browser.begin(**headers).status_code == 403
    assert browser.token() is None
    browser.begin()
    kept = browser.token()
    for answer in (
        browser.begin(None, **headers),
        browser.http.delete(f"{browser.url}/session", headers=headers, timeout=30),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_page")
        assert "Set-Cookie" not in answer.headers
    assert browser.token() == kept


def test_a_browser_asks_for_no_password_itself(browser: Browser) -> None:
    """As it does at a challenge for Basic; programs still get that one."""
    for answer in (browser.begin(None), browser.begin("wrong horse")):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Session realm="mp3converter"'
    answer = requests.post(browser.url, verify=browser.http.verify, timeout=30)
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="mp3converter", charset="UTF-8"'


@pytest.mark.attack("A20")
def test_wrong_passwords_mean_a_wait(browser: Browser) -> None:
    answers = [browser.begin("wrong horse") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[0].json() | {"request_id": ""} == answers[1].json() | {"request_id": ""}
    assert browser.begin().json()["code"] == "too_many_tries"


@pytest.mark.attack("C9")
def test_a_password_goes_before_the_cookie(browser: Browser) -> None:
    browser.begin()
    assert browser.begin("wrong horse").json()["code"] == "wrong_credentials"
    token = base64.b64encode(b"x").decode()
    assert browser.begin(None, Authorization=f"Bearer {token}").json()["code"] == "unauthorized"


@pytest.mark.attack("C7")
def test_two_cookies_are_refused(browser: Browser) -> None:
    browser.begin()
    two = f"{NAME}={browser.token()}; {NAME}={browser.token()}"
    browser.http.cookies.clear()
    answer = browser.begin(None, Cookie=two)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


def test_other_methods(browser: Browser) -> None:
    for method in ("GET", "PUT"):
        answer = browser.http.request(method, f"{browser.url}/session", timeout=30)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, DELETE, OPTIONS")


def test_a_form_begins_and_ends_a_session(browser: Browser) -> None:
    """The same as one that a script begins; the answers lead to addresses beside the function, whatever its prefix."""
    begun = browser.send()
    assert (begun.status_code, begun.headers["Location"]) == (303, "../../jobs/")
    attributes = set(begun.headers["Set-Cookie"].split("; "))
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Max-Age=600", "Path=/function/"} <= attributes
    assert verified(browser.token())[:2] == ("1", EMAIL)
    assert browser.begin(None).status_code == 200
    ended = browser.send("/session/end")
    assert (ended.status_code, ended.headers["Location"], browser.token()) == (303, "../../page/", None)


@pytest.mark.parametrize("headers", [*origins.OF_OTHERS, {"Content-Type": "text/plain"}], ids=str)
def test_a_form_of_another_page_does_nothing(browser: Browser, users: MemoryUsers, headers: dict[str, Any]) -> None:
    """Nor does it try passwords: more than may be tried are refused alike, and the right one works then."""
    for password in ("wrong horse", "wrong horse", "wrong horse", PASSWORD):
        answer = browser.send(password=password, **headers)
        assert (answer.status_code, answer.headers.get("Set-Cookie")) == (403, None)
        assert "Only this service&#39;s own page" in answer.text
    assert browser.send().status_code == 303
    kept = browser.token()
    assert browser.send("/session/end", **headers).status_code == 403
    assert browser.token() == kept


@pytest.mark.attack("A20")
def test_a_form_is_refused_as_a_program_is(browser: Browser, users: MemoryUsers) -> None:
    """Constantly for a wrong password, an unknown address and an account that waits; with a wait after too many."""
    users.change_state(1, WAITING, ACTIVE)
    waiting = browser.send()
    users.rows.clear()
    unknown = browser.send()
    for answer in (waiting, unknown):
        assert (answer.status_code, answer.headers["Content-Type"]) == (401, "text/html; charset=utf-8")
        assert "The e-mail address or the password is wrong." in answer.text
        assert not answer.headers["WWW-Authenticate"].startswith("Basic")  # a browser would ask in a window of its own
    assert [line for line in waiting.text.splitlines() if "Request" not in line] == [
        line for line in unknown.text.splitlines() if "Request" not in line
    ]
    late = [browser.send(), browser.send(), browser.begin()]
    assert [answer.status_code for answer in late] == [429] * 3
    assert int(late[0].headers["Retry-After"]) > 0
    assert browser.token() is None


def test_a_disabled_account_is_told_so_in_a_page(browser: Browser, users: MemoryUsers) -> None:
    users.change_state(1, DISABLED, ACTIVE)
    answer = browser.send()
    assert (answer.status_code, "This account is disabled." in answer.text) == (403, True)
    assert browser.send(password="wrong horse").status_code == 401


def test_a_form_without_an_address(browser: Browser) -> None:
    answer = browser.http.post(f"{browser.url}/session/begin", data={"password": PASSWORD}, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    for path in ("/session/begin", "/session/end"):
        answer = browser.http.get(browser.url + path, timeout=30)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, OPTIONS")
