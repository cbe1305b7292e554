"""Users of the local system: created over HTTP, saved once, and refusals as sentences."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from local import account
from local.account import EmailTaken, User
from local.home import Home
from local.problem import Problem
from local.secret_files import SecretFiles
from tests.clients.serving import serving

PROBLEM = "application/problem+json"
Answer = tuple[int, str, str]


class FakeLogin(ThreadingHTTPServer):
    """The gateway with login behind it: users, and what a sign-up is answered instead of 201."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.users: dict[str, str] = {}
        self.refusal: Answer | None = None
        self.tokens: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeLogin

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/login":
            known = {b64encode(":".join(user).encode()).decode() for user in self.server.users.items()}
            self._reply(
                (200 if self.headers["Authorization"].removeprefix("Basic ") in known else 401, "text/plain", "")
            )
            return
        assert self.path == "/login/users"
        self.server.tokens.append(self.headers["Authorization"])
        user: dict[str, Any] = json.loads(body)
        if self.server.refusal:
            self._reply(self.server.refusal)
        elif user["email"] in self.server.users:
            self._reply((409, PROBLEM, json.dumps({"code": "email_taken", "title": "Taken."})))
        else:
            self.server.users[user["email"]] = user["password"]
            self._reply((201, "application/json", "{}"))

    def _reply(self, answer: Answer) -> None:
        status, kind, body = answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


@pytest.fixture
def login() -> Iterator[FakeLogin]:
    with serving(FakeLogin()) as server:
        yield server


def test_a_user_is_created_with_the_sign_up_token(login: FakeLogin, secrets: SecretFiles) -> None:
    assert account.sign_up(login.url, secrets, "ada@example.org", "word") == User("ada@example.org", "word")
    assert login.users == {"ada@example.org": "word"}
    assert login.tokens == [f"Bearer {secrets.read('signup_token')}"]


def test_a_password_is_generated(login: FakeLogin, secrets: SecretFiles) -> None:
    passwords = {account.sign_up(login.url, secrets, f"{name}@example.org").password for name in "abc"}
    assert len(passwords) == 3
    assert min(map(len, passwords)) >= 16
    assert set(login.users.values()) == passwords


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((409, PROBLEM, '{"code": "email_taken"}'), "The user {a}@b already exists."),
        ((400, PROBLEM, '{"code": "invalid_email"}'), "{a}@b is not a valid e-mail address."),
        ((400, PROBLEM, '{"code": "weak_password", "title": "Use 8."}'), "The password is too weak: Use 8."),
        ((400, PROBLEM, '{"code": "common_password", "title": "Choose another."}'), "Choose another."),
        ((401, PROBLEM, '{"code": "invalid_token", "title": "Log in."}'), "login answered 401: Log in."),
        ((502, "text/html", "<html>"), "login answered 502: "),
        ((200, "application/json", "{}"), "login answered 200: "),
    ],
)
def test_a_refusal_is_a_sentence(answer: Answer, sentence: str, login: FakeLogin, secrets: SecretFiles) -> None:
    login.refusal = answer
    with pytest.raises(Problem) as problem:
        account.sign_up(login.url, secrets, "{a}@b", "word")
    assert str(problem.value) == sentence
    assert isinstance(problem.value, EmailTaken) == ("already exists" in sentence)


def test_a_system_that_does_not_answer_is_a_sentence(secrets: SecretFiles) -> None:
    with pytest.raises(Problem, match=r"^The system does not answer at http://127\.0\.0\.1:1\. Start it with"):
        account.sign_up("http://127.0.0.1:1", secrets, "ada@example.org")


def test_the_first_user_is_created_once(login: FakeLogin, secrets: SecretFiles, home: Home) -> None:
    assert account.saved_user(home) is None
    user = account.first_user(home, login.url, secrets)
    assert user.email == account.FIRST_EMAIL
    assert account.saved_user(home) == user
    assert account.first_user(home, login.url, secrets) == user
    assert login.users == {user.email: user.password}


def test_a_new_database_gets_the_first_user_again(login: FakeLogin, secrets: SecretFiles, home: Home) -> None:
    before = account.first_user(home, login.url, secrets)
    login.users.clear()
    after = account.first_user(home, login.url, secrets)
    assert (after.email, after != before) == (before.email, True)
    assert account.saved_user(home) == after


def test_a_database_with_an_unknown_password_gets_another_user(
    login: FakeLogin, secrets: SecretFiles, home: Home
) -> None:
    """It is a database of the user's own."""
    login.users[account.FIRST_EMAIL] = "unknown"
    user = account.first_user(home, login.url, secrets)
    assert user.email != account.FIRST_EMAIL
    assert user.email.startswith("you-")
    assert login.users == {account.FIRST_EMAIL: "unknown", user.email: user.password}
    assert account.first_user(home, login.url, secrets) == user


def test_a_password_with_other_letters_can_log_in(login: FakeLogin) -> None:
    """HTTP sends it in UTF-8."""
    login.users["ada@example.org"] = "wörd"
    assert account.can_log_in(login.url, User("ada@example.org", "wörd"))
    assert not account.can_log_in(login.url, User("ada@example.org", "word"))
