"""Stored passwords: what counts as plain text, and what never does."""

from __future__ import annotations

import base64
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.common import cgroups
from functions.common.errors import BUSY, Failure
from functions.login import stored
from tests.unit.login.hashing import QuickHasher

PASSWORD = "correct horse"
DIGESTS = {
    name: hashlib.new(name, PASSWORD.encode()) for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
}
FOREIGN = [
    "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
    "$2y$10$abcdefghijklmnopqrstuv",
    "$1$salt$pJlPtPYLBgI8ZGkmFZAV5.",
    "$5$salt$hash",
    "$6$rounds=5000$salt$hash",
    "$P$B12345678abcdefghijklmnopqrstu",
    "$pbkdf2-sha256$29000$salt$hash",
    "{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
    "{bcrypt}$2a$10$abc",
    "pbkdf2_sha256$600000$salt$hash=",
    "scrypt:32768:8:1$salt$hash",
    "sha1$salt$hash",
    "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19",
    *(digest.hexdigest() for digest in DIGESTS.values()),
    *(digest.hexdigest().upper() for digest in DIGESTS.values()),
    *(f"{digest.hexdigest()}:salt" for digest in DIGESTS.values()),
    *(base64.b64encode(DIGESTS[name].digest()).decode() for name in ("md5", "sha1", "sha256", "sha512")),
]
PLAIN = [
    "Admin123",
    "pa$$word",
    "$ecret$",
    "{curly}",
    "100% *stars*",
    "0123456789abcdef",
    "deadbeef" * 3,
    "a=b",
    "ends with=",
    "correct horse battery staple",
    "日本語のパスワード",
    " ",
]


@pytest.mark.attack("A24")
@pytest.mark.parametrize("value", FOREIGN)
def test_a_hash_of_another_system_is_no_password(value: str, hasher: QuickHasher) -> None:
    """A stolen table is no list of passwords."""
    assert stored.is_foreign(value)
    assert not stored.matches(value, value)
    assert not stored.matches(value, PASSWORD)
    assert hasher.checked == 2


@pytest.mark.parametrize("value", PLAIN)
def test_plain_text_is_a_password(value: str, hasher: QuickHasher) -> None:
    assert not stored.is_foreign(value)
    assert stored.matches(value, value)
    assert not stored.matches(value, f"{value} ")
    assert stored.is_outdated(value)
    assert hasher.checked == 2


@pytest.mark.parametrize("value", ["", None])
@pytest.mark.parametrize("password", ["", PASSWORD])
def test_an_empty_password_never_matches(value: str | None, password: str, hasher: QuickHasher) -> None:
    assert not stored.matches(value, password)
    assert hasher.checked == 1


def test_an_empty_password_does_not_match_its_own_hash(hasher: QuickHasher) -> None:
    assert not stored.matches(hasher.hash(""), "")


@pytest.mark.parametrize("cut", [8, 20, 60])
def test_a_damaged_hash_is_no_password(cut: int, hasher: QuickHasher) -> None:
    damaged = hasher.hash(PASSWORD)[:cut]
    for password in (damaged, PASSWORD):
        assert not stored.matches(damaged, password)


@pytest.mark.attack("A24")
def test_a_hash_is_current_until_its_parameters_change(hasher: QuickHasher) -> None:
    assert not stored.is_outdated(stored.hashed(PASSWORD))
    assert stored.is_outdated(QuickHasher(time_cost=1).hash(PASSWORD))


@pytest.mark.attack("A23")
def test_few_passwords_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait for their turn, but not for ever; who gave up does not take a turn later."""
    secret, done = stored.hashed(PASSWORD), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(stored, "_hashing", lambda: pool)
        held = [pool.submit(done.wait) for _ in range(2)]
        monkeypatch.setattr(stored, "_TURN_SECONDS", 0.02)
        for ask in (lambda: stored.matches(secret, PASSWORD), lambda: stored.hashed(PASSWORD)):
            with pytest.raises(Failure) as failure:
                ask()
            assert (failure.value.kind, failure.value.headers) == (BUSY, {"Retry-After": "1"})
        assert pool._work_queue.qsize() == 2
        done.set()
        assert all(each.result() for each in held)
        monkeypatch.setattr(stored, "_TURN_SECONDS", 10.0)
        assert stored.matches(secret, PASSWORD)


@pytest.mark.parametrize(
    ("mebibytes", "cpus", "threads"), [(384, 2, 2), (384, 64, 15), (128, 8, 1), (64, 8, 1), (10_000, 8, 8)]
)
def test_as_many_hashes_at_once_as_cores_and_memory_allow(
    mebibytes: int, cpus: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "memory", lambda: mebibytes * 2**20)
    monkeypatch.setattr(cgroups, "cpus", lambda: cpus)
    assert stored._hashing.__wrapped__()._max_workers == threads
