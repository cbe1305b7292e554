"""The tokens in letters on a real server: one use each, for a day, for the account that they were sent to."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.backends.mail_tokens import MailTokens, Purpose
from functions.backends.mysql import Connections
from functions.backends.users import CLOSING, DISABLED, User, Users
from functions.common.settings import Database
from local.backends import mysql as backend
from tests.local.private import PrivateStack

Run = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def connections(mysql: str) -> Connections:
    return Connections(Database(mysql, 5.0))


@pytest.fixture
def tokens(connections: Connections) -> MailTokens:
    return MailTokens(connections)


@pytest.fixture
def users(connections: Connections) -> Users:
    return Users(connections)


@pytest.fixture
def waiting(users: Users) -> User:
    return users.add(f"{secrets.token_hex(6)}@example.org", "first", waiting=True)


@pytest.fixture
def run(mysql: str, lazy_stack: PrivateStack) -> Run:
    """A function that runs a statement with all rights."""

    def statement(text: str, *values: object) -> list[tuple[object, ...]]:
        with backend.connect(lazy_stack.mysql_root_url) as connection, connection.cursor() as cursor:
            cursor.execute(text, values)
            return list(cursor.fetchall())

    return statement


def add(tokens: MailTokens, user: User, purpose: Purpose, password: str | None = None) -> str:
    token = secrets.token_urlsafe(8)
    assert tokens.add(user.id, purpose, token, 100, password)
    return token


def found(users: Users, user: User) -> tuple[str, str]:
    row = users.find(user.email)
    assert row is not None
    return row.state, row.password


def test_the_table_has_no_token(tokens: MailTokens, waiting: User, run: Run) -> None:
    token = add(tokens, waiting, "reset")
    rows = run("SELECT * FROM mail_token WHERE user_id = %s", waiting.id)
    assert len(rows) == 1
    assert token not in repr(rows)


def test_a_token_expires(tokens: MailTokens, users: Users, waiting: User, run: Run) -> None:
    confirm, reset = add(tokens, waiting, "confirm", "x"), add(tokens, waiting, "reset")
    run("UPDATE mail_token SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND WHERE user_id = %s", waiting.id)
    assert not tokens.confirm(confirm)
    assert not tokens.can_reset(reset)
    assert tokens.reset(reset, "second") is None
    assert found(users, waiting) == ("waiting", "first")


def test_who_reads_the_mail_may_set_a_password_at_once(tokens: MailTokens, users: Users, waiting: User) -> None:
    confirm, reset = add(tokens, waiting, "confirm", "x"), add(tokens, waiting, "reset")
    assert tokens.reset(reset, "second") == waiting.id
    assert found(users, waiting) == ("active", "second")
    assert not tokens.confirm(confirm), "it would set the password again"
    assert found(users, waiting) == ("active", "second")


@pytest.mark.parametrize("state", [DISABLED, CLOSING])
def test_no_token_opens_an_account_that_was_closed(state: str, tokens: MailTokens, users: Users, waiting: User) -> None:
    confirm, reset = add(tokens, waiting, "confirm", "x"), add(tokens, waiting, "reset")
    users.change_state(waiting.id, state, "waiting")
    assert not tokens.confirm(confirm)
    assert not tokens.can_reset(reset)
    assert tokens.reset(reset, "second") is None
    assert found(users, waiting) == (state, "first")


def test_no_more_letters_than_allowed_are_asked_for_at_once(mysql: str, waiting: User) -> None:
    """By several instances, and none of them fails."""
    instances = [MailTokens(Connections(Database(mysql, 5.0))) for _ in range(4)]
    with ThreadPoolExecutor(16) as pool:
        added = pool.map(
            lambda number: instances[number % 4].add(waiting.id, "confirm", secrets.token_hex(8), 5, "x"), range(40)
        )
    assert sum(added) == 5


def test_old_tokens_are_deleted_and_waiting_users_kept_for_a_week(tokens: MailTokens, waiting: User, run: Run) -> None:
    add(tokens, waiting, "confirm", "x")
    run("UPDATE mail_token SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND WHERE user_id = %s", waiting.id)
    add(tokens, waiting, "confirm", "x")
    assert run("SELECT COUNT(*) FROM mail_token WHERE user_id = %s", waiting.id) == [(1,)]
    ((days,),) = run("SELECT TIMESTAMPDIFF(HOUR, UTC_TIMESTAMP(), remove_after) FROM user WHERE id = %s", waiting.id)
    assert days in (167, 168)
