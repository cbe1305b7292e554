"""Accounts: which password is right, how it is stored, and which addresses and passwords are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from functions.backends.mysql import Connections
from functions.backends.users import User, Users
from functions.common import errors
from functions.common.errors import Failure, Kind
from functions.common.settings import Database
from functions.login import accounts, changes, stored
from tests.unit.login.hashing import QuickHasher
from tests.unit.login.users import MemoryUsers

EMAIL = "ada@example.org"
PASSWORD = "correct horse"
OWASP = stored._HASHER


@pytest.fixture
def users() -> MemoryUsers:
    return MemoryUsers()


def refused(act: Callable[..., object], *arguments: object) -> Kind:
    """Return why something was refused."""
    with pytest.raises(Failure) as failure:
        act(*arguments)
    return failure.value.kind


def test_the_case_of_the_address_does_not_matter(users: MemoryUsers) -> None:
    added = changes.add(users, "Ada@Example.ORG", PASSWORD)
    assert added.email == EMAIL
    for address in (EMAIL, EMAIL.upper(), f" {EMAIL}\n"):
        assert accounts.check(users, address, PASSWORD) == added


@pytest.mark.parametrize(
    "wrong", ["", PASSWORD.upper(), f"{PASSWORD} ", f" {PASSWORD}", f"{PASSWORD}\0", PASSWORD[:-1]]
)
def test_a_wrong_password_is_refused(users: MemoryUsers, wrong: str) -> None:
    changes.add(users, EMAIL, PASSWORD)
    assert refused(accounts.check, users, EMAIL, wrong) is errors.WRONG_CREDENTIALS


@pytest.mark.parametrize("password", [PASSWORD, "the password of no user", ""])
def test_an_unknown_user_has_no_password(users: MemoryUsers, password: str) -> None:
    """Not even the dummy that makes an unknown user take as long as a known one."""
    assert refused(accounts.check, users, "unknown@example.org", password) is errors.WRONG_CREDENTIALS


@pytest.mark.attack("A18")
@pytest.mark.parametrize("stored", ["a hash", "plain text", None])
@pytest.mark.parametrize("offered", [PASSWORD, "wrong horse"])
def test_every_check_computes_one_hash(
    users: MemoryUsers, hasher: QuickHasher, stored: str | None, offered: str
) -> None:
    """The time reveals neither who has an account nor how its password is stored."""
    if stored:
        users.add(EMAIL, hasher.hash(PASSWORD) if stored == "a hash" else PASSWORD)
    if stored and offered == PASSWORD:
        accounts.check(users, EMAIL, offered)
    else:
        assert refused(accounts.check, users, EMAIL, offered) is errors.WRONG_CREDENTIALS
    assert hasher.checked == 1


@pytest.mark.attack("A22")
def test_impossible_passwords_are_not_looked_up(users: MemoryUsers, hasher: QuickHasher) -> None:
    """Long passwords cannot keep the service busy."""
    changes.add(users, EMAIL, "x" * 1024)
    assert accounts.check(users, EMAIL, "x" * 1024)
    checked, sought = hasher.checked, len(users.sought)
    for long in ("x" * 1025, "ü" * 513, "x" * 10**6):
        assert refused(accounts.check, users, EMAIL, long) is errors.WRONG_CREDENTIALS
    assert (hasher.checked, len(users.sought)) == (checked, sought)


@pytest.mark.attack("A22")
@pytest.mark.parametrize("password", ["8 chars.", "ü" * 8, "😀" * 8, "x" * 1024, "ü" * 512, " " * 8, "\0" * 8])
def test_passwords_that_are_long_enough(users: MemoryUsers, password: str) -> None:
    """Only the number of characters counts (NIST SP 800-63B, section 3.1.1.2)."""
    changes.add(users, EMAIL, password)
    assert accounts.check(users, EMAIL, password).email == EMAIL


@pytest.mark.attack("A22")
@pytest.mark.parametrize("length", [9, 64, 72, 73, 129, 1024])
@pytest.mark.parametrize("letter", ["a", "\0"])
def test_the_last_character_of_a_long_password_counts(users: MemoryUsers, length: int, letter: str) -> None:
    """bcrypt, for one, looks at 72 bytes, and a C library ends at NUL."""
    changes.add(users, EMAIL, letter * (length - 1) + "x")
    assert accounts.check(users, EMAIL, letter * (length - 1) + "x").email == EMAIL
    for wrong in (letter * (length - 1) + "y", letter * (length - 1)):
        assert refused(accounts.check, users, EMAIL, wrong) is errors.WRONG_CREDENTIALS


@pytest.mark.attack("A22")
@pytest.mark.parametrize("password", ["", "7 chars", "😀" * 7, "x" * 1025, "ü" * 513])
def test_weak_passwords(users: MemoryUsers, password: str) -> None:
    """Neither a new nor an existing account can have one."""
    assert refused(changes.add, users, EMAIL, password) is errors.WEAK_PASSWORD
    user = changes.add(users, EMAIL, PASSWORD)
    assert refused(changes.change_password, users, user, password) is errors.WEAK_PASSWORD
    assert accounts.check(users, EMAIL, PASSWORD) == user


@pytest.mark.attack("A22")
@pytest.mark.parametrize(
    "password", ["password", "12345678", "Password1", "QWERTYUIOP", "iloveyou", "p@ssw0rd", EMAIL, f" {EMAIL.upper()} "]
)
def test_the_first_passwords_to_be_guessed(users: MemoryUsers, password: str) -> None:
    """Neither a new nor an existing account can have one; whoever has one already can still log in."""
    assert refused(changes.add, users, EMAIL, password) is errors.COMMON_PASSWORD
    user = changes.add(users, EMAIL, PASSWORD)
    assert refused(changes.change_password, users, user, password) is errors.COMMON_PASSWORD
    assert accounts.check(users, EMAIL, PASSWORD) == user
    old = users.add("old@example.org", stored.hashed(password))
    assert accounts.check(users, "old@example.org", password).id == old.id


def test_another_address_is_no_common_password(users: MemoryUsers) -> None:
    assert changes.add(users, EMAIL, "bob@example.org").email == EMAIL


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "x",
        "@",
        "@example.org",
        "ada@",
        "a@b@c",
        "a@localhost",
        "a@example.org.",
        "a@-example.org",
        "a@[127.0.0.1]",
        "a..b@example.org",
        ".a@example.org",
        "a b@example.org",
        '"a b"@example.org',
        "Ada <ada@example.org>",
        "a@example.org,b@example.org",
        "a\r\nBcc: b@example.org",
        "a@example.org\r\nBcc: b@example.org",
        "a\0@example.org",
        " ada@example.org",
        "a@" + "x." * 130 + "org",
        "ü@example.org",
        "a@münchen.de",
        "a\u200d@example.org",
        "\u0130@example.org",
        "a@example\u3002org",
    ],
)
def test_addresses_that_can_get_no_mail(users: MemoryUsers, bad: str) -> None:
    """Mails are sent in ASCII, without SMTPUTF8 (RFC 6531)."""
    assert refused(changes.add, users, bad, PASSWORD) is errors.INVALID_EMAIL
    assert users.rows == {}


@pytest.mark.parametrize(
    "good", ["a+b@example.org", "o'neill@example.org", "a@sub.example.museum", "a@example.test", "a@xn--mnchen-3ya.de"]
)
def test_addresses_of_every_kind(users: MemoryUsers, good: str) -> None:
    assert changes.add(users, good, PASSWORD).email == good


def test_one_account_for_an_address(users: MemoryUsers) -> None:
    first = changes.add(users, EMAIL, PASSWORD)
    assert refused(changes.add, users, EMAIL.upper(), "another horse") is errors.EMAIL_TAKEN
    assert accounts.check(users, EMAIL, PASSWORD) == first


@pytest.mark.attack("A24")
def test_passwords_are_hashed_as_owasp_recommends(users: MemoryUsers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "_HASHER", OWASP)
    first, second = (changes.add(users, f"{name}@example.org", PASSWORD).password for name in "ab")
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second


@pytest.mark.attack("A24")
@pytest.mark.parametrize(
    "stored", [PASSWORD, QuickHasher(time_cost=1).hash(PASSWORD)], ids=["plain text", "a weaker hash"]
)
def test_old_passwords_are_hashed_again_at_the_first_login(
    users: MemoryUsers, hasher: QuickHasher, stored: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, without the address and the password."""
    caplog.set_level("INFO")
    users.add(EMAIL, stored)
    assert refused(accounts.check, users, EMAIL, "wrong horse") is errors.WRONG_CREDENTIALS
    assert users.rows[1].password == stored
    accounts.check(users, EMAIL, PASSWORD)
    kept = users.rows[1].password
    assert not hasher.check_needs_rehash(kept)
    assert hasher.verify(kept, PASSWORD)
    accounts.check(users, EMAIL, PASSWORD)
    assert users.rows[1].password == kept
    assert [(record.message, vars(record)["user"]) for record in caplog.records] == [("password hash upgraded", 1)]
    assert PASSWORD not in caplog.text


@pytest.mark.attack("A24")
def test_a_stolen_hash_is_not_a_password(users: MemoryUsers) -> None:
    """Someone who has stolen the table knows the hash, but not the password."""
    stored = changes.add(users, EMAIL, PASSWORD).password
    assert refused(accounts.check, users, EMAIL, stored) is errors.WRONG_CREDENTIALS


def test_a_change_of_password(users: MemoryUsers) -> None:
    user = changes.add(users, EMAIL, PASSWORD)
    changes.change_password(users, user, "another horse")
    assert accounts.check(users, EMAIL, "another horse").id == user.id
    assert refused(accounts.check, users, EMAIL, PASSWORD) is errors.WRONG_CREDENTIALS


def test_the_first_of_two_changes_wins(users: MemoryUsers) -> None:
    """The other one used a password that is no longer valid."""
    user = changes.add(users, EMAIL, PASSWORD)
    changes.change_password(users, user, "another horse")
    assert refused(changes.change_password, users, user, "a third horse") is errors.WRONG_CREDENTIALS
    assert accounts.check(users, EMAIL, "another horse").id == user.id


@pytest.mark.parametrize(
    "stored", [PASSWORD, QuickHasher(time_cost=1).hash(PASSWORD)], ids=["plain text", "a weaker hash"]
)
def test_a_password_can_be_changed_right_after_its_hash_was_replaced(users: MemoryUsers, stored: str) -> None:
    users.add(EMAIL, stored)
    changes.change_password(users, accounts.check(users, EMAIL, PASSWORD), "another horse")
    assert accounts.check(users, EMAIL, "another horse").email == EMAIL


class ChangingUsers(MemoryUsers):
    """Changes each user's password right after it was read."""

    def find(self, email: str) -> User | None:
        found = super().find(email)
        if found:
            self.rows[found.id] = User(found.id, found.email, "another horse")
        return found


def test_a_new_hash_of_an_old_password_does_not_undo_a_change() -> None:
    users = ChangingUsers()
    users.add(EMAIL, PASSWORD)
    user = accounts.check(users, EMAIL, PASSWORD)
    assert users.rows[1].password == "another horse"
    assert refused(changes.change_password, users, user, "a third horse") is errors.WRONG_CREDENTIALS


def test_an_unreachable_database_is_not_a_wrong_password() -> None:
    users = Users(Connections(Database("mysql://a:b@127.0.0.1:1/x?tls=none", 1.0)))
    assert refused(accounts.check, users, EMAIL, PASSWORD) is errors.UNAVAILABLE
