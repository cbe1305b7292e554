"""Sign-up and recovery: whoever reads the mail of an address gets its account, and nobody learns who has one."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mail, Mailbox
from tests.clients.operator import Operator
from tests.clients.waiting import stays, until
from tests.e2e.conftest import Urls
from tests.e2e.test_login import comparable
from tests.local.private import PrivateStack

PASSWORD, ANOTHER = "a long enough password", "another long enough one"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Stranger:
    """Somebody with an address, and maybe an account."""

    url: str
    email: str
    mailbox: Mailbox

    def send(self, path: str, **fields: str) -> web.Answer:
        """Post fields as JSON."""
        return web.call("POST", f"{self.url}/{path}", body=json.dumps(fields).encode())

    def register(self, password: str = PASSWORD) -> web.Answer:
        """Sign up."""
        return self.send("register", email=self.email, password=password)

    def recover(self) -> web.Answer:
        """Ask for a new password."""
        return self.send("recover", email=self.email)

    def logs_in(self, password: str = PASSWORD) -> bool:
        """Tell whether a password is right."""
        return web.call("POST", self.url, headers=web.basic(self.email, password)).status == 200

    def letters(self) -> list[Mail]:
        """Return the mails to this address, oldest first."""
        return [mail for mail in reversed(self.mailbox.all()) if mail.to == self.email]

    def letter(self, number: int = 1) -> Mail:
        """Wait for so many letters, and return the last."""
        return until(lambda: self.letters() if len(self.letters()) >= number else None, f"{number} letters")[number - 1]


def link_in(mail: Mail) -> str:
    (link,) = {link for link in mail.links if "token=" in link}
    return link


def token_in(mail: Mail) -> str:
    return urlsplit(link_in(mail)).query.partition("token=")[2]


@pytest.fixture
def stranger(url: Urls, mailbox: Mailbox) -> Stranger:
    return Stranger(url("login"), f"{secrets.token_hex(6)}@example.org", mailbox)


def test_sign_up_with_curl(stranger: Stranger) -> None:
    """The account logs nobody in until its address is confirmed, and the link may be followed twice."""
    assert stranger.register().status == 202
    assert not stranger.logs_in()
    letter = stranger.letter()
    assert letter.subject == "Confirm your address"
    for _ in range(2):
        answer = stranger.send("confirm", token=token_in(letter))
        assert (answer.status, answer.json()["message"]) == (200, "This address is confirmed. You can log in now.")
    assert stranger.logs_in()
    assert not stranger.logs_in(ANOTHER)


class _Form(HTMLParser):
    """The fields of the only form of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an input."""
        given = dict(attrs)
        if tag == "input":
            self.fields[str(given["name"])] = given.get("value") or ""


def push(link: str, **more: str) -> web.Answer:
    """Open a link in a letter, and send its form, as a browser without scripts does."""
    page = web.call("GET", link)
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Referrer-Policy"] == "no-referrer"
    fields = _Form(page.text).fields | more
    return web.call("POST", link, headers=FORM, body=urlencode(fields).encode())


def test_sign_up_in_a_browser(stranger: Stranger) -> None:
    """Programs that check mails open links, so only the button confirms."""
    stranger.register()
    link = link_in(stranger.letter())
    for method in ("GET", "HEAD"):
        assert web.call(method, link).status == 200
    assert not stranger.logs_in()
    answer = push(link)
    assert (answer.status, "This address is confirmed." in answer.text) == (200, True)
    assert stranger.logs_in()


def test_a_forgotten_password(stranger: Stranger) -> None:
    """The link works once, and voids earlier ones."""
    stranger.register()
    stranger.send("confirm", token=token_in(stranger.letter()))
    for number in (2, 3):
        assert stranger.recover().status == 202
        assert stranger.letter(number).subject == "Set a new password"
    first, second = stranger.letters()[1:]
    weak = push(link_in(second), password="short")
    assert (weak.status, "A password must have" in weak.text) == (400, True)
    assert stranger.logs_in()
    assert push(link_in(second), password=ANOTHER).status == 200
    assert (stranger.logs_in(), stranger.logs_in(ANOTHER)) == (False, True)
    for used in (first, second):
        answer = push(link_in(used), password=PASSWORD)
        assert (answer.status, "This link was used" in answer.text) == (410, True)
        answer = stranger.send("reset", token=token_in(used), password=PASSWORD)
        assert (answer.status, answer.json()["code"]) == (410, "used_link")
    assert stranger.logs_in(ANOTHER)


def test_answers_are_alike_for_all_addresses(stranger: Stranger, stack: PrivateStack, url: Urls) -> None:
    """New, waiting, known and disabled: in words and headers."""
    answers = [stranger.register(), stranger.register(), stranger.recover()]
    stranger.send("confirm", token=token_in(stranger.letter()))
    answers += [stranger.register(ANOTHER), stranger.recover()]
    assert stranger.letter(4).subject in ("You have an account", "Set a new password")
    Operator(stack.home).run("users", "disable", stranger.email)
    answers += [stranger.register(ANOTHER), stranger.recover()]
    unknown = Stranger(stranger.url, f"{secrets.token_hex(6)}@example.org", stranger.mailbox)
    answers += [unknown.recover()]
    heads = [
        {name: value for name, value in answer.headers.items() if name not in ("Date", "X-Request-Id")}
        for answer in answers
    ]
    assert {(answer.status, answer.body) for answer in answers} == {(202, answers[0].body)}
    assert all(head == heads[0] for head in heads)
    stays(lambda: not unknown.letters(), "a letter to an unknown address", 1)


def test_somebody_with_an_account_is_told_so(stranger: Stranger) -> None:
    stranger.register()
    stranger.send("confirm", token=token_in(stranger.letter()))
    stranger.register(ANOTHER)
    letter = stranger.letter(2)
    assert letter.subject == "You have an account"
    assert not stranger.logs_in(ANOTHER)
    assert stranger.send("reset", token=token_in(letter), password=ANOTHER).status == 200
    assert stranger.logs_in(ANOTHER)


def test_an_account_is_theirs_who_asked_for_the_letter(stranger: Stranger) -> None:
    """Somebody else, who signs up with the address as well, gains nothing by it."""
    stranger.register(PASSWORD)
    first = stranger.letter()
    stranger.register("the password of a thief")
    stranger.letter(2)
    stranger.send("confirm", token=token_in(first))
    assert (stranger.logs_in(), stranger.logs_in("the password of a thief")) == (True, False)


def test_an_address_gets_few_letters(stranger: Stranger) -> None:
    for _ in range(8):
        assert stranger.register().status == 202
    stranger.letter(5)
    stays(lambda: len(stranger.letters()) == 5, "a sixth letter", 1)


@pytest.mark.parametrize("token", ["", "x", "WyJ4Il0.x.y", "\ud800", "x" * 10_000])
def test_other_tokens_are_refused(token: str, stranger: Stranger) -> None:
    for path in ("confirm", "reset"):
        answer = stranger.send(path, token=token, password=ANOTHER)
        assert (answer.status, answer.json()["code"]) in ((410, "used_link"), (400, "bad_request"))


def test_a_token_is_for_one_purpose(stranger: Stranger) -> None:
    stranger.register()
    token = token_in(stranger.letter())
    assert stranger.send("reset", token=token, password=ANOTHER).status == 410
    assert stranger.send("confirm", token=token).status == 200


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"email": "no-at-sign", "password": PASSWORD}, "invalid_email"),
        ({"email": "a@example.org\r\nBcc: b@example.org", "password": PASSWORD}, "invalid_email"),
        ({"email": "a@example.org", "password": "short"}, "weak_password"),
        ({"email": "a@example.org", "password": "A@example.org"}, "common_password"),
        ({"email": "a@example.org", "password": "Password1"}, "common_password"),
        ({"email": "a@example.org"}, "bad_request"),
    ],
)
def test_wrong_fields_are_explained(fields: dict[str, str], code: str, stranger: Stranger) -> None:
    answer = stranger.send("register", **fields)
    assert (answer.status, answer.json()["code"]) == (400, code)


def test_the_account_is_shown_and_closed(stranger: Stranger) -> None:
    stranger.register()
    stranger.send("confirm", token=token_in(stranger.letter()))
    account, own = f"{stranger.url}/account", web.basic(stranger.email, PASSWORD)
    shown = web.call("GET", account, headers=own).json()
    assert (shown["email"], shown["mails"], shown["created"][:2]) == (stranger.email, True, "20")
    assert shown["webhook_secret"].startswith("whsec_")
    off = web.call("PATCH", account, headers=own, body=b'{"mails": false}')
    assert (off.status, off.json()["mails"]) == (200, False)
    assert web.call("GET", account, headers=own).json()["mails"] is False
    for wrong in (b'{"mails": 1}', b'{"state": "active"}', b"{}", b"[]"):
        assert web.call("PATCH", account, headers=own, body=wrong).status == 400
    assert web.call("DELETE", account, headers=web.basic(stranger.email, ANOTHER)).status == 401
    assert web.call("DELETE", account, headers=own).status == 204
    assert not stranger.logs_in()
    assert web.call("GET", account, headers=own).status == 401


def test_an_account_needs_its_password(stranger: Stranger) -> None:
    unknown = web.call("GET", f"{stranger.url}/account", headers=web.basic(stranger.email, PASSWORD))
    without = web.call("GET", f"{stranger.url}/account")
    assert (unknown.status, without.status) == (401, 401)
    assert comparable(unknown)[2]["code"] == "wrong_credentials"


def test_one_click_stops_the_mails_of_an_account(
    stranger: Stranger, url: Urls, video: Path, mailbox: Mailbox, inspector: Inspector
) -> None:
    """A mail program follows List-Unsubscribe without a login (RFC 8058); a page asks everybody else."""
    stranger.register()
    stranger.send("confirm", token=token_in(stranger.letter()))
    token = web.login(stranger.url, stranger.email, PASSWORD)
    first = web.uploaded(url("upload"), token, video)
    (link,) = {each for each in mailbox.about(first, stranger.email).links if "/mails?u=" in each}
    page = web.call("GET", link)
    assert (page.status, "no more mails" in page.text) == (200, True)
    for _ in range(2):
        answer = web.call("POST", link, headers=FORM, body=b"List-Unsubscribe=One-Click")
        assert (answer.status, "no more mails" in answer.text) == (200, True)
    second = web.uploaded(url("upload"), token, video)
    until(lambda: inspector.job(second)["mail"]["state"] == "declined", "a declined mail")
    assert mailbox.count(second, stranger.email) == 0
    own = web.basic(stranger.email, PASSWORD)
    on = web.call("PATCH", f"{stranger.url}/account", headers=own, body=b'{"mails": true}')
    assert on.json()["mails"] is True
    mailbox.about(web.uploaded(url("upload"), token, video), stranger.email)


@pytest.mark.parametrize("signed", ["", "x", "1.x", "\N{SNOWMAN}"])
def test_a_wrong_link_stops_no_mails(signed: str, stranger: Stranger) -> None:
    for method in ("GET", "POST"):
        answer = web.call(method, f"{stranger.url}/mails?{urlencode({'u': signed})}")
        assert (answer.status, answer.json()["code"]) == (400, "invalid_link")
