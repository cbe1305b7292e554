"""The session of the page: its cookie works wherever a token does, for our own page alone."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.clients.database import Inspector
from tests.clients.operator import Operator
from tests.clients.waiting import until
from tests.e2e import tokens
from tests.e2e.conftest import Person, Urls, through
from tests.e2e.test_delete import forgotten
from tests.local.private import PrivateStack
from tests.vectors import origins

NAME = "mp3converter"
SECONDS = 60


def done(job: dict[str, Any]) -> dict[str, Any] | None:
    """Return a job once it is done."""
    return job if job["state"] == "done" else None


class Page:
    """A page's requests, with the cookies of its browser."""

    def __init__(self, urls: Urls) -> None:
        self.urls = urls
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers.update({"X-Requested-With": "page", "Sec-Fetch-Site": "same-origin"})

    def ask(self, method: str, function: str, path: str = "", **more: Any) -> requests.Response:
        """Make a request; as in browsers, only unsafe methods bring an Origin."""
        url = self.urls(function)
        origin = {} if method in ("GET", "HEAD") else {"Origin": "{0.scheme}://{0.netloc}".format(urlsplit(url))}
        headers = origin | more.pop("headers", {})
        return self.http.request(method, url + path, headers=headers, timeout=SECONDS, **more)

    def form(self) -> None:
        """Ask as a browser does without scripts."""
        del self.http.headers["X-Requested-With"]
        self.http.headers["Accept"] = "text/html,*/*;q=0.8"

    def script(self) -> None:
        """Ask as a script does, again."""
        self.http.headers.update({"X-Requested-With": "page", "Accept": "*/*"})

    def send(self, function: str, path: str, **more: Any) -> requests.Response:
        """Send a form, and follow where it leads."""
        kind = {} if "files" in more else {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", function, path, headers=kind | more.pop("headers", {}), **more)

    def begin(self, person: Person | None = None) -> requests.Response:
        """Log in, or renew the session."""
        auth = (person.email, person.password) if person else None
        return self.ask("POST", "login", "?session", auth=auth)

    @property
    def cookie(self) -> str:
        """The token in the cookie."""
        return str(self.http.cookies[NAME])


@pytest.fixture(params=["gateway", "openfaas"])
def page(request: pytest.FixtureRequest, stack: PrivateStack) -> Iterator[Page]:
    """A page at the gateway, which is one origin."""
    found = Page(through(request.param, stack))
    yield found
    found.http.close()


def test_it_does_what_a_token_does(page: Page, other_user: Person, video: Path, inspector: Inspector) -> None:
    """From the upload to the MP3, with the events."""
    begun = page.begin(other_user)
    assert (begun.status_code, begun.json()["email"]) == (200, other_user.email)
    assert other_user.email not in begun.headers["Set-Cookie"]
    attributes = set(begun.headers["Set-Cookie"].split("; ")[1:])
    assert {"HttpOnly", "Path=/", "SameSite=Strict", f"Max-Age={begun.json()['expires_in']}"} <= attributes
    assert not attributes & {"Secure", "Domain"}  # there is no TLS here
    query = {"filename": "talk.mp4"}
    done = page.ask("POST", "upload", params=query, data=video.read_bytes(), headers={"Prefer": "wait=60"}).json()
    assert done["state"] == "done"
    job_id = done["id"]
    assert [job["id"] for job in page.ask("GET", "jobs").json()["jobs"]] == [job_id]
    with page.ask("GET", "jobs", f"/{job_id}/events", stream=True) as events:
        assert events.headers["Content-Type"].startswith("text/event-stream")
        assert any(job_id.encode() in line for line in events.iter_lines())
    assert page.ask("GET", "download", params={"fid": job_id}).headers["Content-Type"] == "audio/mpeg"
    assert page.ask("HEAD", "download", params={"fid": job_id}).status_code == 200
    assert page.ask("GET", "upload", "/usage").status_code == 200
    assert page.begin().status_code == 200
    assert page.ask("DELETE", "jobs", f"/{job_id}").status_code == 204
    forgotten(inspector, job_id)
    ended = page.ask("DELETE", "login", "?session")
    assert (ended.status_code, list(page.http.cookies)) == (204, [])
    assert page.ask("GET", "jobs").json()["code"] == "unauthorized"


@pytest.mark.attack("C1", "C2", "C4")
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Requested-With": None},
        {"Origin": "https://evil.example.org"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_a_page_of_others_can_do_nothing_with_it(
    page: Page, other_user: Person, video: Path, headers: dict[str, str | None]
) -> None:
    page.begin(other_user)
    for method, function, path in (
        ("POST", "upload", "?filename=a.mp4"),
        ("GET", "upload", "/usage"),
        ("GET", "jobs", ""),
        ("GET", "jobs", "/events"),
        ("POST", "jobs", "/feed"),
        ("GET", "download", "?fid=00000000-0000-4000-8000-000000000000"),
        ("POST", "login", "?session"),
        ("DELETE", "login", "?session"),
    ):
        body = video.read_bytes() if function == "upload" and method == "POST" else None
        answer = page.ask(method, function, path, headers=headers, data=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_page"), (method, function, path)
        assert "Set-Cookie" not in answer.headers
    assert page.ask("GET", "jobs").json() == {"jobs": []}


def test_forms_do_without_scripts_what_the_page_does(page: Page, other_user: Person, video: Path) -> None:
    """Each answer leads to the next page, which is of the same prefix."""
    page.form()
    begun = page.send("login", "/session/begin", data={"email": other_user.email, "password": other_user.password})
    assert (begun.status_code, begun.url) == (200, page.urls("jobs") + "/")
    assert "There are none yet." in begun.text
    sent = page.send(
        "upload", "/", data={"quality": "6", "channels": ""}, files={"file": ("a<b>.mp4", video.read_bytes())}
    )
    assert (sent.status_code, sent.url.rpartition("/")[0]) == (200, page.urls("jobs"))
    assert "<h1>a&lt;b&gt;.mp4</h1>" in sent.text
    job_id = sent.url.rpartition("/")[2]
    page.script()
    job = until(lambda: done(page.ask("GET", "jobs", f"/{job_id}").json()), "the MP3", SECONDS)
    assert job["options"] == {"quality": 6}
    page.form()
    wrong = page.send("upload", "/", data={"quality": "11"}, files={"file": ("a.mp4", video.read_bytes())})
    assert (wrong.status_code, "Possible for quality: a whole number from 0 to 9." in wrong.text) == (400, True)
    ended = page.send("login", "/session/end")
    assert (ended.url, list(page.http.cookies)) == (page.urls("page") + "/", [])
    late = page.send("upload", "/", files={"file": ("a.mp4", video.read_bytes())})
    assert (late.status_code, "Log in first." in late.text) == (401, True)


@pytest.mark.parametrize("headers", origins.OF_OTHERS, ids=str)
def test_forms_of_others_do_nothing(
    page: Page, other_user: Person, third_user: Person, video: Path, headers: dict[str, str | None]
) -> None:
    """Not even log somebody in as the attacker."""
    page.begin(other_user)
    kept = page.cookie
    page.form()
    attacker = {"email": third_user.email, "password": third_user.password}
    file = {"file": ("a.mp4", video.read_bytes())}
    for function, path, more in (
        ("login", "/session/begin", {"data": attacker}),
        ("login", "/session/end", {}),
        ("upload", "/", {"files": file}),
        ("jobs", "/feed", {"data": {"a": "b"}}),
    ):
        answer = page.send(function, path, headers=headers, **more)
        assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/html; charset=utf-8"), path
        assert "Set-Cookie" not in answer.headers
    assert page.cookie == kept
    page.script()
    assert page.ask("GET", "jobs").json() == {"jobs": []}


def test_a_page_is_shown_to_who_opens_it(page: Page, other_user: Person) -> None:
    """Which no other page does: where it tries, a browser says so, or sends no cookie."""
    page.begin(other_user)
    page.form()
    for site, expected in ((None, 200), ("none", 200), ("same-origin", 200), ("same-site", 403), ("cross-site", 403)):
        answer = page.ask("GET", "jobs", headers={"Sec-Fetch-Site": site})
        assert (answer.status_code, other_user.email in answer.text) == (expected, expected == 200), site
    assert page.ask("GET", "jobs", headers={"Accept": "*/*"}).json()["code"] == "foreign_page"
    assert page.ask("GET", "upload", "/usage").status_code == 403


@pytest.mark.attack("A4", "A7", "C6", "C7")
def test_a_cookie_that_is_no_session(page: Page, stack: PrivateStack, other_user: Person) -> None:
    page.begin(other_user)
    key = stack.secret("jwt_private_key")
    valid = page.cookie
    page.http.cookies.clear()
    forged = {**tokens.forgeries(valid), "expired": tokens.expired(valid, key)}
    cookies = [*(f"{NAME}={each}" for each in forged.values()), f"{NAME}={valid}; {NAME}={valid}"]
    for cookie in cookies:
        for method, function, path in (
            ("GET", "jobs", ""),
            ("GET", "download", "/peaks"),
            ("POST", "login", "?session"),
        ):
            answer = page.ask(method, function, path, headers={"Cookie": cookie})
            assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token"), cookie
    assert page.ask("GET", "jobs", headers={"Cookie": f"{NAME}={valid}"}).status_code == 200


@pytest.mark.attack("C7")
def test_two_cookies_in_fields_of_their_own(page: Page, other_user: Person) -> None:
    page.begin(other_user)
    for function, path in (("jobs", ""), ("download", "/peaks"), ("upload", "/usage")):
        for fields in ([page.cookie, page.cookie], [page.cookie, "x"], ["x", page.cookie]):
            url = urlsplit(page.urls(function) + path)
            connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=SECONDS)
            with closing(connection):
                connection.putrequest("GET", url.path)
                connection.putheader("X-Requested-With", "page")
                for value in fields:
                    connection.putheader("Cookie", f"{NAME}={value}")
                connection.endheaders()
                answer = connection.getresponse()
                assert (answer.status, json.load(answer)["code"]) == (401, "invalid_token"), (function, fields)


@pytest.mark.attack("C8")
@pytest.mark.parametrize(
    "cookie",
    [
        f"{NAME}={'x' * 4096}",
        f"{NAME}={'x' * 8193}",
        f"{NAME}={'x' * 1_000_000}",
        f"{NAME}={'.' * 7000}",
        f"{NAME}={tokens.nested(1000)}",
        "; ".join(f"{NAME}={number}" for number in range(400)),
        ";" * 7000,
        f'{NAME}="' + "\\101" * 1700,
    ],
    ids=["4 KiB", "8 KiB", "1 MB", "dots", "nested", "400 cookies", "semicolons", "escapes"],
)
def test_a_large_cookie(page: Page, stack: PrivateStack, other_user: Person, cookie: str) -> None:
    """It is refused by the function, or before it, where the head is not read to its end."""
    page.begin(other_user)
    processes = {function: stack.pid(function) for function in ("jobs", "login")}
    for function, path in (("jobs", ""), ("login", "/session")):
        url = urlsplit(page.urls(function) + path)
        method = "POST" if function == "login" else "GET"
        lines = (f"{method} {url.path} HTTP/1.1", "Host: x", "X-Requested-With: page", f"Cookie: {cookie}", "", "")
        with socket.create_connection((url.hostname, url.port), timeout=SECONDS) as connection:
            with suppress(ConnectionError):
                connection.sendall("\r\n".join(lines).encode())
            assert int(connection.recv(12).split()[1]) in (401, 431)
    assert page.ask("GET", "jobs").json() == {"jobs": []}
    assert {function: stack.pid(function) for function in processes} == processes


@pytest.mark.attack("C10")
def test_it_is_no_password(page: Page, stack: PrivateStack, other_user: Person) -> None:
    """Keys and changes of the account need the password, and functions that take events know no sessions."""
    page.begin(other_user)
    for method, path in (
        ("POST", ""),
        ("POST", "/keys"),
        ("DELETE", "/keys/1"),
        ("GET", "/account"),
        ("PATCH", "/account"),
        ("DELETE", "/account"),
        ("PUT", "/password"),
    ):
        body = {"name": "x", "password": "another horse", "mails": False}
        answer = page.ask(method, "login", path, json=None if method == "GET" else body)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), (method, path)
    cookie = {"Cookie": f"{NAME}={page.cookie}", "X-Requested-With": "page"}
    for function in ("convert", "notify", "sweep"):
        assert requests.post(stack.functions[function], headers=cookie, timeout=SECONDS).status_code == 401, function
    assert page.begin().status_code == 200


@pytest.mark.attack("C9")
def test_a_token_goes_before_it(page: Page, owner: Person, other_user: Person, video: Path) -> None:
    """The answer is for the token's user, and a wrong token is refused."""
    page.begin(other_user)
    bearer = {"Authorization": f"Bearer {owner.token}", "X-Requested-With": ""}
    upload = page.ask("POST", "upload", params={"filename": "a.mp4"}, data=video.read_bytes(), headers=bearer)
    job_id = upload.json()["id"]
    assert page.ask("GET", "jobs", f"/{job_id}").status_code == 404
    assert page.ask("GET", "jobs", f"/{job_id}", headers=bearer).status_code == 200
    wrong = page.ask("GET", "jobs", headers={"Authorization": "Bearer x"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_token")


@pytest.mark.attack("C11")
def test_an_account_that_was_disabled_renews_nothing(page: Page, operator: Operator, other_user: Person) -> None:
    """The cookie itself ends with its token."""
    page.begin(other_user)
    assert page.begin().status_code == 200
    operator.run("users", "disable", other_user.email)
    answer = page.begin()
    assert (answer.status_code, answer.json()["code"]) == (403, "account_disabled")
    assert page.ask("GET", "jobs").status_code == 200
    operator.run("users", "remove", other_user.email)
    assert page.begin().json()["code"] == "invalid_token"
