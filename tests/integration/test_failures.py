"""Failures on a real server: one statement compares and counts, restarts forget nothing, and old rows go."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from functions.backends.failures import Failures
from functions.backends.mysql import Connections
from functions.backends.users import Users
from functions.common.errors import TOO_MANY_TRIES, UNAVAILABLE, WRONG_CREDENTIALS, Failure
from functions.common.settings import Database, Throttling
from functions.login import accounts, changes
from functions.login.throttle import Throttle
from local.backends import mysql as backend
from tests.clients.waiting import until
from tests.unit.login.failures import MemoryFailures

EMAIL, PASSWORD = "ada@example.org", "correct horse"
HOME = "192.0.2.1"
BEGAN = 1_800_000_000
LIMITS = Throttling(trusted_proxies=0, account_tries=10, address_tries=500, letters=50)


@pytest.fixture
def url(users_url: str) -> str:
    """A database with all tables."""
    backend.apply_schema(users_url)
    return users_url


def run(url: str, *statements: str) -> int:
    """Run statements; return how many rows the last one found or changed."""
    with backend.connect(url) as connection, connection.cursor() as cursor:
        for statement in statements:
            affected = cursor.execute(statement)
        return int(affected)


def failures(url: str, seconds: float = 0, more: str = "") -> Failures:
    """Return the table at a time when so many seconds have passed, with more variables of the session."""
    connections = Connections(Database(url, 5.0))
    connections._options["init_command"] = f"SET timestamp = {BEGAN + seconds}{more}"
    return Failures(connections)


def throttle(url: str, seconds: float = 0) -> Throttle:
    return Throttle(failures(url, seconds), LIMITS, "a secret of at least 32 bytes for links")


def subject() -> bytes:
    return hashlib.sha256(os.urandom(8)).digest()


def test_failures_in_memory_behave_like_those_on_a_server(url: str) -> None:
    """So unit tests may use them instead."""
    memory, one, two, other = MemoryFailures(), subject(), subject(), subject()

    def in_memory(seconds: float) -> Failures:
        memory.now = BEGAN + seconds
        return memory

    def outcomes(at: Callable[[float], Failures]) -> list[object]:
        seen: list[object] = []
        seconds = 0.0
        for step in range(40):
            table, free = at(seconds), 1 if step >= 30 else 3
            seen += [table.count({one: free}), table.count({two: 5, one: free}), table.find(one, two, other)]
            seconds += (0, 700, 1000, 3000)[step % 4]
        seen.append(at(seconds + 86_400).find(one))
        for day in (0, 1):
            at(seconds + day * 86_400).remember(other, 90)
        return [*seen, at(seconds + 2 * 86_400).find(other), at(seconds + 91 * 86_400).find(other)]

    assert outcomes(lambda seconds: failures(url, seconds)) == outcomes(in_memory)


@pytest.mark.attack("A20", "A21")
def test_twenty_wrong_tries_from_many_addresses(url: str) -> None:
    """The user still gets in from where they were, and from elsewhere once a wait is over; restarts forget nothing."""
    users = Users(Connections(Database(url, 5.0)))
    changes.add(users, EMAIL, PASSWORD)

    def tried(password: str, address: str, account: str = EMAIL, seconds: float = 0) -> object:
        restarted = throttle(url, seconds)
        try:
            return restarted.attempt(account, address, lambda: accounts.check(users, account, password).email)
        except Failure as failure:
            return failure.kind, failure.headers

    wrong: object = (WRONG_CREDENTIALS, {})
    wait: object = (TOO_MANY_TRIES, {"Retry-After": "1"})
    assert tried(PASSWORD, HOME) == EMAIL
    for account in (EMAIL, "unknown@example.org"):
        seen = [tried("wrong horse", f"198.51.100.{number}", account) for number in range(20)]
        assert seen == [wrong] * 10 + [wait] * 10
    assert tried(PASSWORD, "203.0.113.1") == wait
    assert tried(PASSWORD, HOME) == EMAIL
    assert tried("wrong horse", "203.0.113.1", seconds=1) == wrong
    assert tried(PASSWORD, "203.0.113.1", seconds=2) == wait
    assert tried(PASSWORD, "203.0.113.1", seconds=3) == EMAIL


@pytest.mark.attack("A20")
def test_a_race_gets_no_more_tries(url: str) -> None:
    """Of many failures at once, from several instances, exactly the free ones are counted, in any order of clocks."""
    name, instances = subject(), [failures(url, number / 10) for number in range(4)]
    with ThreadPoolExecutor(32) as pool:
        refused = list(pool.map(lambda number: instances[number % 4].count({name: 10}), range(200)))
    assert refused.count(None) == 10


def test_a_statement_that_began_earlier_and_waited_for_others(url: str) -> None:
    """Where nobody has to wait, it counts like them."""
    name = subject()
    assert [failures(url, seconds).count({name: 10}) for seconds in (0.2, 0.1, 0)] == [None] * 3


def test_old_rows_go(url: str) -> None:
    """More with each failure than a failure adds, so a flood leaves no more than a day of it."""
    table = failures(url)
    for _ in range(12):
        table.count({subject(): 10})
    later = failures(url, 86_400)
    for _ in range(3):
        later.count({subject(): 10})
    assert run(url, "SELECT * FROM login_failure") == 3


def test_a_table_that_was_not_migrated(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Logins go on, with one warning."""
    run(url, "DROP TABLE login_failure")
    throttled = throttle(url)

    def check() -> str:
        raise Failure(WRONG_CREDENTIALS)

    for _ in range(15):
        with pytest.raises(Failure) as failure:
            throttled.attempt(EMAIL, HOME, check)
        assert failure.value.kind is WRONG_CREDENTIALS
    assert throttled.attempt(EMAIL, HOME, lambda: "a token") == "a token"
    assert caplog.text.count("no table login_failure") == 1


@pytest.fixture
def as_user(url: str) -> Iterator[Callable[[str], str]]:
    """The URL of a user with these rights on single tables: without others, MySQL does not tell which tables exist."""
    parts = urlsplit(url)
    name = parts.path[1:]

    def created(rights: str) -> str:
        run(url, f"CREATE USER '{name}'@'%' IDENTIFIED BY 'word'")
        for table in ("user", "login_failure"):
            run(url, f"GRANT {rights} ON {table} TO '{name}'@'%'")
        return f"mysql://{name}:word@{parts.netloc.rpartition('@')[2]}/{name}?tls=none"

    yield created
    run(url, f"DROP USER '{name}'@'%'")


def test_a_table_without_rights(url: str, as_user: Callable[[str], str], caplog: pytest.LogCaptureFixture) -> None:
    """It looks like one that is missing."""
    limited = as_user("SELECT")
    run(url, "DROP TABLE login_failure")
    table = failures(limited)
    assert table.find(subject()) == {}
    assert table.count({subject(): 1}) is None
    assert caplog.text.count("no table login_failure") == 1


@contextmanager
def read_only(url: str) -> Iterator[None]:
    """Let nobody but administrators write."""
    run(url, "SET GLOBAL read_only = 1")
    try:
        yield
    finally:
        run(url, "SET GLOBAL read_only = 0")


@pytest.mark.parametrize("rights", ["SELECT, INSERT, UPDATE, DELETE", "SELECT"])
def test_a_table_that_cannot_be_written(
    rights: str, url: str, as_user: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    """Right passwords are right, wrong ones are wrong, neither counts, and whoever had to wait still has to."""
    users = Users(Connections(Database(url, 5.0)))
    changes.add(users, EMAIL, PASSWORD)
    throttled, waiting = throttle(as_user(rights)), "eve@example.org"

    def tried(account: str, password: str) -> object:
        try:
            return throttled.attempt(account, HOME, lambda: accounts.check(users, account, password).email)
        except Failure as failure:
            return failure.kind

    for _ in range(10):
        with suppress(Failure):
            throttle(url).attempt(waiting, "198.51.100.1", lambda: accounts.check(users, waiting, "wrong horse"))
    with read_only(url):
        assert [tried(EMAIL, "wrong horse") for _ in range(12)] == [WRONG_CREDENTIALS] * 12
        assert [tried(EMAIL, PASSWORD) for _ in range(2)] == [EMAIL] * 2
        assert tried(waiting, PASSWORD) == TOO_MANY_TRIES
    assert caplog.text.count("failure not counted") == 12
    assert caplog.text.count("address not remembered") == 2
    assert tried(EMAIL, "wrong horse") == WRONG_CREDENTIALS
    assert run(url, "SELECT * FROM login_failure") == (4 if "INSERT" in rights else 2)


def test_a_server_that_is_away() -> None:
    away = throttle("mysql://a:b@127.0.0.1:1/x?tls=none")
    with pytest.raises(Failure) as failure:
        away.attempt(EMAIL, HOME, lambda: "a token")
    assert failure.value.kind is UNAVAILABLE


def test_many_failures_at_once_while_old_rows_go(url: str) -> None:
    """Rows that are added, counted and deleted at the same time make deadlocks, of which nobody learns."""
    names = [subject() for _ in range(12)]
    instances = [failures(url, seconds) for seconds in (0, 86_400, 2 * 86_400, 3 * 86_400)]

    def fail(number: int) -> None:
        pair = random.Random(number).sample(names, 2)
        instances[number % 4].count(dict.fromkeys(pair, 10))
        instances[number % 4].remember(pair[0], 1)

    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(fail, range(3000))) == [None] * 3000


def test_a_wait_for_a_row_that_takes_too_long(url: str) -> None:
    """The server gives it up, and the failure is counted by the next try."""
    name, table = subject(), failures(url, more=", innodb_lock_wait_timeout = 1")
    table.count({name: 10})
    waits = set[int]()

    def has_tried_again(cursor: Any) -> bool:
        cursor.execute("SELECT trx_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")
        waits.update(row[0] for row in cursor.fetchall())
        return len(waits) > 1

    with ThreadPoolExecutor(1) as pool, backend.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT * FROM login_failure WHERE subject = %s FOR UPDATE", (name,))
        counted = pool.submit(table.count, {name: 10})
        until(lambda: has_tried_again(cursor), "a second wait")
        cursor.execute("ROLLBACK")
        assert counted.result() is None
    assert run(url, "SELECT * FROM login_failure WHERE failures = 2") == 1
