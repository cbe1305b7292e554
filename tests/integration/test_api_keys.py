"""API keys on a real server: how many a user may have, also if they are made at once, and their end."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.backends.api_keys import ApiKeys
from functions.backends.closing import Closing
from functions.backends.mysql import Connections
from functions.backends.users import User, Users
from functions.backends.valid_keys import ValidKeys
from functions.common import errors, keys
from functions.common.bearer import Bearer
from functions.common.errors import Failure
from functions.common.settings import Database
from local.backends import mysql as backend

MOST = 50


@pytest.fixture
def url(users_url: str) -> str:
    """The URL of a new database with all tables."""
    backend.apply_schema(users_url)
    return users_url


@pytest.fixture
def user(url: str) -> User:
    return Users(Connections(Database(url, 5.0))).add(f" {secrets.token_hex(6)}@example.org ", "x")


def add(table: ApiKeys, user: User, key: str) -> bool:
    return table.add(user.id, "laptop", keys.hashed(key), key[-4:], 365, MOST) is not None


def test_no_more_keys_than_allowed_are_made_at_once(url: str, user: User) -> None:
    """By several instances, and none of them fails."""
    instances = [ApiKeys(Connections(Database(url, 5.0))) for _ in range(4)]
    with ThreadPoolExecutor(16) as pool:
        made = pool.map(lambda number: add(instances[number % 4], user, keys.new()), range(80))
    assert sum(made) == MOST
    assert len(instances[0].of(user.id)) == MOST


def test_ended_keys_are_removed(url: str, user: User) -> None:
    table, accounts = ApiKeys(Connections(Database(url, 5.0))), Closing(Connections(Database(url, 5.0)))
    assert [add(table, user, keys.new()) for _ in range(3)] == [True] * 3
    revoked, expired, kept = table.of(user.id)
    assert table.revoke(user.id, revoked.id)
    with backend.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE api_key SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND WHERE id = %s", (expired.id,)
        )
    assert accounts.forget_keys() == 2
    assert accounts.forget_keys() == 0
    assert table.of(user.id) == [kept]


def test_a_key_is_its_owners(url: str, user: User) -> None:
    """Without the spaces that an old table may have around the address."""
    key, connections = keys.new(), Connections(Database(url, 5.0))
    add(ApiKeys(connections), user, key)
    assert ValidKeys(connections, 60).verify(key) == Bearer(str(user.id), user.email.strip())
    with pytest.raises(Failure) as failure:
        ValidKeys(connections, 60).verify(keys.new())
    assert failure.value.kind is errors.INVALID_TOKEN


def test_a_key_is_remembered_for_so_long(url: str, user: User) -> None:
    """An instance that remembers it does not notice yet that it was revoked; one that does not, does."""
    key, connections = keys.new(), Connections(Database(url, 5.0))
    table, remembers, forgets = ApiKeys(connections), ValidKeys(connections, 60), ValidKeys(connections, 0)
    add(table, user, key)
    bearer = remembers.verify(key)
    assert forgets.verify(key) == bearer
    assert table.revoke(user.id, table.of(user.id)[0].id)
    assert remembers.verify(key) == bearer
    with pytest.raises(Failure) as failure:
        forgets.verify(key)
    assert failure.value.kind is errors.INVALID_TOKEN


def test_a_key_revokes_itself_and_no_other(url: str, user: User) -> None:
    first, second, table = keys.new(), keys.new(), ApiKeys(Connections(Database(url, 5.0)))
    add(table, user, first)
    add(table, user, second)
    own, other = table.of(user.id)
    assert not table.revoke_itself(other.id, keys.hashed(first))
    assert table.revoke_itself(own.id, keys.hashed(first))
    assert not table.revoke_itself(own.id, keys.hashed(first)), "it is no valid key any more"
    assert table.of(user.id) == [other]
