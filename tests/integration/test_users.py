"""Accounts on a real server: passwords are stored as Argon2id, and answers reveal nothing to others."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pymysql
import pytest

from functions.backends.mysql import Connections, options
from functions.backends.users import ACTIVE, CLOSING, DISABLED, WAITING, Users
from functions.common import errors
from functions.common.errors import Failure
from functions.common.settings import Database
from functions.login import accounts, changes
from tests.unit.login.users import MemoryUsers
from tests.vectors import public
from tests.vectors.queries import EMAIL, QUERIES

PASSWORD = "correct horse"


@pytest.fixture
def users(mysql: str) -> Users:
    return Users(Connections(Database(mysql, 5.0)))


@pytest.fixture
def email() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.org"


def test_sign_up_and_log_in(users: Users, email: str) -> None:
    """The password works with any spelling of the address, and is not in the table."""
    added = changes.add(users, email.upper(), PASSWORD)
    assert accounts.check(users, f" {email} ", PASSWORD).id == added.id
    stored = users.find(email)
    assert stored is not None
    assert stored.password.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.attack("A15", "A19")
@pytest.mark.parametrize("wrong", ["", "Correct horse", "correct horse ", "x" * 1025, "correct horse\0", "' OR 1=1"])
def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(users: Users, email: str, wrong: str) -> None:
    """Neither the code nor the text reveals which it was."""
    changes.add(users, email, PASSWORD)
    for address in (email, "unknown@example.org", "' OR 1=1 -- ", ""):
        with pytest.raises(Failure) as failure:
            accounts.check(users, address, wrong)
        assert failure.value.kind is errors.WRONG_CREDENTIALS


def assert_refused(users: Users, text: str) -> None:
    """Check that no account has this text as its address and password."""
    with pytest.raises(Failure) as failure:
        accounts.check(users, text, text)
    assert failure.value.kind is errors.WRONG_CREDENTIALS


@pytest.mark.attack("A15")
@pytest.mark.parametrize("kind", QUERIES)
def test_injections(kind: str, users: Users, email: str) -> None:
    """Text that could change a query is only text: it opens and changes no account."""
    added = changes.add(users, email, PASSWORD)
    before = users.find(email)
    for text in QUERIES[kind]:
        assert_refused(users, text.replace(EMAIL, email))
    assert users.find(email) == before
    assert users.find("eve") is None
    assert accounts.check(users, email, PASSWORD).id == added.id


@pytest.mark.attack("A15")
@public.needs("sqli_auth_bypass.txt", "sqli_mysql.txt")
def test_injections_from_public_lists(users: Users) -> None:
    for text in [*public.strings("sqli_auth_bypass.txt"), *public.strings("sqli_mysql.txt")]:
        assert_refused(users, text)


@pytest.mark.attack("A24")
def test_a_row_from_an_old_database_is_upgraded(users: Users, email: str) -> None:
    """A plain-text password works once more, and is a hash from then on."""
    users.add(email, "Admin123")
    accounts.check(users, email, "Admin123")
    stored = users.find(email)
    assert stored is not None
    assert stored.password.startswith("$argon2id$")
    accounts.check(users, email, "Admin123")


def test_change_of_password(users: Users, email: str) -> None:
    """The old password no longer works."""
    user = changes.add(users, email, PASSWORD)
    changes.change_password(users, user, "another horse")
    accounts.check(users, email, "another horse")
    with pytest.raises(Failure):
        accounts.check(users, email, PASSWORD)


def test_taken_address(users: Users, email: str) -> None:
    """An address can have only one account."""
    changes.add(users, email, PASSWORD)
    with pytest.raises(Failure) as failure:
        changes.add(users, email, PASSWORD)
    assert failure.value.kind is errors.EMAIL_TAKEN


@pytest.mark.parametrize("step", ["log in", "sign up", "change the password"])
def test_a_connection_that_the_server_closed(step: str, users: Users, email: str) -> None:
    """The next query uses a new connection."""
    changes.add(users, email, PASSWORD)
    user = accounts.check(users, email, PASSWORD)
    with pymysql.connect(**options(Database(users_url(users), 5.0))) as other, other.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID()")
        for (number,) in cursor.fetchall():
            cursor.execute(f"KILL {int(number)}")
    if step == "log in":
        assert accounts.check(users, email, PASSWORD).email == email
    elif step == "sign up":
        assert users.add(f"another.{email}", "x").email == f"another.{email}"
    else:
        assert users.change_password(user, "x")


def users_url(users: Users) -> str:
    made = users._connections._options
    return f"mysql://{made['user']}:{made['password']}@{made['host']}:{made['port']}/{made['database']}?tls=none"


def outcomes_of(users: Users, email: str) -> list[object]:
    """Return the results of changing an account, and of late or wrong requests."""
    user = users.add(email, "first")
    seen: list[object] = [user.email, user.password]
    for taken in (email, email.upper()):
        with pytest.raises(Failure) as failure:
            users.add(taken, "second")
        seen.append(failure.value.kind)
    for sought in (email, email.upper(), f" {email}", f"{email} ", "unknown@example.org", ""):
        found = users.find(sought)
        seen.append(found.id == user.id if found else None)
    unknown = replace(user, id=user.id + 1000)
    seen += [users.change_password(each, "third") for each in (unknown, user, user)]
    changed = users.find(email)
    assert changed is not None
    seen += [users.get(changed.id) == changed, users.get(unknown.id)]
    return [*seen, changed.id == user.id, changed.password, users.change_password(changed, "fourth")]


def test_users_in_memory_behave_like_those_on_a_server(users: Users, email: str) -> None:
    """So unit tests may use them instead."""
    assert outcomes_of(MemoryUsers(), email) == outcomes_of(users, email)


def test_states(users: Users, email: str) -> None:
    """Only an active account logs in; who has the password of a disabled one is told so."""
    added = changes.add(users, email, PASSWORD)
    for state, kind in (
        (WAITING, errors.WRONG_CREDENTIALS),
        (DISABLED, errors.ACCOUNT_DISABLED),
        (CLOSING, errors.WRONG_CREDENTIALS),
    ):
        assert users.change_state(added.id, state, ACTIVE, WAITING, DISABLED)
        assert not users.change_state(added.id, ACTIVE, ACTIVE)
        with pytest.raises(Failure) as failure:
            accounts.check(users, email, PASSWORD)
        assert failure.value.kind is kind
        with pytest.raises(Failure) as failure:
            accounts.check(users, email, "another horse")
        assert failure.value.kind is errors.WRONG_CREDENTIALS


def test_pages(users: Users, email: str) -> None:
    """All users are listed once, in the order of their ids."""
    added = [changes.add(users, f"{number}.{email}", PASSWORD) for number in range(3)]
    first = users.page(added[0].id - 1, 2)
    assert [user.email for user in first + users.page(first[-1].id, 100)][:3] == [user.email for user in added]
    assert first[0].created_at is not None


def test_closing_and_mails(users: Users, email: str) -> None:
    added = changes.add(users, email, PASSWORD)
    assert users.set_told(added.id, {"mails": False})
    assert not users.set_told(added.id, {"mails": False})
    found = users.find(email)
    assert found is not None
    assert not found.mails
    assert users.set_told(added.id, {"mails": True, "webhook": "https://example.org/"})
    found = users.find(email)
    assert found is not None
    assert (found.mails, found.webhook) == (True, "https://example.org/")
    assert users.set_told(added.id, {"webhook": None})
    assert users.find(email) == replace(found, webhook=None)
    assert users.close(added.id, 3600)
    assert not users.close(added.id, 3600)
