"""The operator's commands for users, on the running system and on a database that MYSQL_URL names."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.clients import web
from tests.clients.operator import Operator
from tests.e2e.conftest import Urls
from tests.local.private import PrivateStack


@pytest.fixture(params=["local", "remote"])
def users(request: pytest.FixtureRequest, stack: PrivateStack) -> Operator:
    """An operator, beside the system or with its database's URL."""
    return Operator(stack.home, {"MYSQL_URL": stack.mysql_url} if request.param == "remote" else {})


@pytest.fixture
def email() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.org"


def log_in(url: Urls, email: str, password: str) -> tuple[int, str]:
    answer = web.call("POST", url("login"), headers=web.basic(email, password))
    return answer.status, "" if answer.status == 200 else str(answer.json()["code"])


def listed(users: Operator, email: str) -> list[dict[str, object]]:
    lines = map(json.loads, users.run("users", "list", "--json").text.splitlines())
    return [line for line in lines if line["email"] == email]


def test_a_user_is_disabled_enabled_and_removed(users: Operator, email: str, url: Urls) -> None:
    said = users.run("users", "add", email)
    assert (said.status, said.text.splitlines()[0]) == (0, f"{email} can log in now.")
    password = said.text.split()[-1]
    assert log_in(url, email, password) == (200, "")
    assert [line["state"] for line in listed(users, email)] == ["active"]
    for _ in range(2):  # it may be repeated
        assert users.run("users", "disable", email.upper()).text == "Disabled.\n"
        assert log_in(url, email, password) == (403, "account_disabled")
    assert users.run("users", "list").row(str(listed(users, email)[0]["id"]).rjust(8))[1:2] == ["disabled"]
    assert users.run("users", "enable", email).text == "Enabled.\n"
    assert log_in(url, email, password) == (200, "")
    assert users.run("users", "remove", email).status == 0
    assert log_in(url, email, password) == (401, "wrong_credentials")
    assert users.run("users", "enable", email).status == 1


def test_mistakes_are_explained(users: Operator, email: str) -> None:
    for action in ("disable", "enable", "remove"):
        said = users.run("users", action, email)
        assert (said.status, said.complaint) == (1, f"No user has the address {email}.\n")


def test_login_may_not_alter_its_tables(stack: PrivateStack) -> None:
    """The administrator's URL does."""
    said = Operator(stack.home).run("users", "migrate")
    assert (said.status, said.text) == (1, "")
    assert "its tables are older than this version" in said.complaint
    said = Operator(stack.home, {"MYSQL_URL": stack.mysql_root_url}).run("users", "migrate")
    assert (said.status, said.text) == (0, "The tables are up to date.\n")
