"""The throttle of login as a process: what others see of it, and that neither a restart nor a header gets around it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest

from local.account import User
from tests.clients import web
from tests.local.private import PrivateStack

FREE = 3
LETTERS = 4
RIGHT, WRONG = (200, None), (401, "wrong_credentials")
TOO_MANY = (429, "too_many_tries")


@pytest.fixture(scope="module", autouse=True)
def _strict(stack: PrivateStack) -> Iterator[None]:
    """A login that gives few free tries; each test has a user of its own."""
    stack.reconfigure("login", LOGIN_FREE_TRIES=str(FREE), LETTERS_FREE_PER_ADDRESS=str(LETTERS))
    yield
    stack.reconfigure("login")


@pytest.fixture
def user(stack: PrivateStack) -> User:
    """A user of this test's own, whom nobody has to wait for later."""
    created = User(f"{uuid.uuid4().hex}@example.org", uuid.uuid4().hex)
    stack.add_user(created.email, created.password)
    return created


def tried(url: str, email: str, password: str, address: str) -> tuple[int, object]:
    """Return the status and code of a login, as a proxy would pass it on."""
    answer = web.call("POST", url, headers=web.basic(email, password) | {"X-Forwarded-For": address})
    if answer.status == 429:
        assert int(answer.headers["Retry-After"]) >= 1
    return answer.status, None if answer.status == 200 else answer.json()["code"]


@pytest.mark.attack("A20", "A21", "S11")
@pytest.mark.parametrize("is_known", [True, False])
def test_twenty_wrong_tries_from_many_addresses(stack: PrivateStack, user: User, is_known: bool) -> None:
    """The right password works from where it did, and what clients add to the left of the header changes nothing.

    An account that does not exist is answered in the same way.
    """
    url = stack.functions["login"]
    email = user.email if is_known else f"{uuid.uuid4().hex}@example.org"
    if is_known:
        assert tried(url, email, user.password, "192.0.2.1") == RIGHT
    seen = [tried(url, email, "wrong horse", f"198.51.100.{number}") for number in range(10)]
    stack.restart("login")
    seen += [tried(url, email, "wrong horse", f"192.0.2.1, 198.51.100.{number}") for number in range(10, 20)]
    assert seen[:FREE] == [WRONG] * FREE
    # Waits of seconds end while this test runs.
    assert seen.count(WRONG) < len(seen) / 2
    assert set(seen) == {WRONG, TOO_MANY}
    if is_known:
        assert tried(url, email, user.password, "192.0.2.1") == RIGHT


@pytest.mark.attack("S11")
def test_the_gateway_replaces_what_clients_send(stack: PrivateStack, user: User) -> None:
    """So whoever was there before cannot be impersonated, and no number of made-up addresses helps."""
    assert tried(stack.functions["login"], user.email, user.password, "192.0.2.77") == RIGHT
    url = f"{stack.gateway}/login"
    seen = [tried(url, user.email, "wrong horse", f"203.0.113.{number}") for number in range(12)]
    assert TOO_MANY in seen
    assert tried(stack.functions["login"], user.email, user.password, "192.0.2.77") == RIGHT


@pytest.mark.attack("A20", "S11")
@pytest.mark.parametrize("path", ["register", "recover"])
def test_many_letters_from_an_address(path: str, stack: PrivateStack, user: User) -> None:
    """Whether or not somebody has an account changes nothing, nor does what clients add to the left of the header."""
    url = f"{stack.functions['login']}/{path}"

    def asked(email: str, address: str) -> int:
        body = json.dumps({"email": email, "password": "a long enough password"}).encode()
        answer = web.call("POST", url, body=body, headers={"X-Forwarded-For": address})
        if answer.status == 429:
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.json()["code"] == "too_many_tries"
        return answer.status

    own = f"192.0.2.{10 + len(path)}"
    for email in (user.email, f"{uuid.uuid4().hex}@example.org"):
        seen = [asked(email, f"198.51.100.{number}, {own}") for number in range(2 * LETTERS)]
        # Waits of seconds end while this test runs.
        if email == user.email:
            assert seen[:LETTERS] == [202] * LETTERS
        assert 429 in seen
        assert set(seen) <= {202, 429}
        assert asked(email, "192.0.2.99") == 202
