"""Closed accounts on real databases: their jobs and files go first, then the user, and not before tokens have ended."""

from __future__ import annotations

import secrets
from threading import Event

import pytest

from functions.backends.closing import Closing
from functions.backends.feeds import Feeds
from functions.backends.mysql import Connections
from functions.backends.users import User, Users
from functions.common import metrics
from functions.common.settings import Database
from functions.sweep import closing
from functions.sweep.sweeper import Sweeper
from local.backends import mysql as backend
from tests.integration.states import PERIODS, Clock, done, sweep_once


@pytest.fixture
def connections(users_url: str) -> Connections:
    backend.apply_schema(users_url)
    return Connections(Database(users_url, 5.0))


@pytest.fixture
def users(connections: Connections) -> Users:
    return Users(connections)


@pytest.fixture
def accounts(connections: Connections) -> Closing:
    return Closing(connections)


@pytest.fixture
def user(users: Users) -> User:
    return users.add(f"{secrets.token_hex(6)}@example.org", "x")


def owned_by(sweeper: Sweeper, owner: str) -> str:
    job_id = done(sweeper)
    sweeper.jobs._collection.update_one({"_id": job_id}, {"$set": {"owner": owner}})
    return job_id


def feeds_of(sweeper: Sweeper) -> Feeds:
    return Feeds(sweeper.jobs._collection.database["feeds"], sweeper.jobs)


def run(sweeper: Sweeper, accounts: Closing) -> dict[str, int]:
    sweeper.counts.clear()
    closing.run(sweeper, accounts, feeds_of(sweeper), Event())
    return {name: number for name, number in sweeper.counts.items() if number}


def test_jobs_go_before_the_user(
    sweeper: Sweeper, clock: Clock, users: Users, accounts: Closing, user: User, users_url: str
) -> None:
    for _ in range(3):
        owned_by(sweeper, str(user.id))
    other = owned_by(sweeper, "another")
    assert run(sweeper, accounts) == {}
    users.close(user.id, 3600)
    assert run(sweeper, accounts) == {"delete": 3}
    assert run(sweeper, accounts) == {}, "the files are cleaned first"
    clean(sweeper, clock)
    assert not list(sweeper.jobs.owned(str(user.id), 1))
    assert sweeper.jobs.find(other) is not None
    assert run(sweeper, accounts) == {}, "a token may still be valid"
    owned_by(sweeper, str(user.id))  # a late upload
    assert run(sweeper, accounts) == {"delete": 1}
    clean(sweeper, clock)
    end_of_tokens(users_url, user)
    assert run(sweeper, accounts) == {"remove_user": 1}
    assert users.find(user.email) is None
    assert run(sweeper, accounts) == {}


def test_the_feed_ends_with_the_account(
    sweeper: Sweeper, users: Users, accounts: Closing, user: User, users_url: str
) -> None:
    """Also one that somebody makes with a token that is still valid."""
    feeds = feeds_of(sweeper)
    feeds.replace(str(user.id), "secret")
    feeds.replace("another", "another secret")
    assert run(sweeper, accounts) == {}
    users.close(user.id, 3600)
    assert run(sweeper, accounts) == {"end_feed": 1}
    assert feeds.find("secret") is None
    feeds.replace(str(user.id), "later")
    end_of_tokens(users_url, user)
    assert run(sweeper, accounts) == {"end_feed": 1, "remove_user": 1}
    assert feeds.find("later") is None
    assert feeds.find("another secret") is not None


def clean(sweeper: Sweeper, clock: Clock) -> None:
    for _ in range(3):
        sweep_once(sweeper)
        clock.advance(seconds=PERIODS.longest_step)


def end_of_tokens(url: str, user: User) -> None:
    with backend.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE user SET remove_after = UTC_TIMESTAMP() - INTERVAL 1 SECOND WHERE id = %s", (user.id,))


def test_addresses_that_nobody_confirmed_are_forgotten(
    sweeper: Sweeper, users: Users, accounts: Closing, users_url: str
) -> None:
    waiting = users.add(f"{secrets.token_hex(6)}@example.org", "x", waiting=True)
    assert run(sweeper, accounts) == {}
    end_of_tokens(users_url, waiting)
    assert run(sweeper, accounts) == {"forget_waiting": 1}
    assert users.find(waiting.email) is None


def test_a_pass_goes_on_without_the_database(sweeper: Sweeper) -> None:
    away = Closing(Connections(Database("mysql://a:b@127.0.0.1:1/x?tls=none", 1.0)))
    assert run(sweeper, away) == {metrics.REPAIRS_FAILED: 1}
    closing.run(sweeper, None, feeds_of(sweeper), Event())
