"""Where a login is kept: with a keyring, without one, and with one that fails."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.backends.null import Keyring as Forgetful
from keyring.errors import PasswordDeleteError

from mp3converter_client import store
from mp3converter_client.failure import Failure
from mp3converter_client.store import Login

ADA = Login("https://mp3.example.com", "ada@example.org", "mp3_SECRET", "17")
BOB = Login("https://mp3.example.com", "bob@example.org", "TOKEN", None)


class InMemory(KeyringBackend):
    """A keyring of this test."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError


@pytest.fixture
def ring() -> Iterator[InMemory]:
    """A keyring that works."""
    former, ring = keyring.get_keyring(), InMemory()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(former)


@pytest.fixture(params=["none installed", "none answers", "forgetful"])
def no_ring(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without a keyring that is good for anything."""
    former = keyring.get_keyring()
    if request.param == "none installed":
        monkeypatch.setitem(sys.modules, "keyring", None)
    keyring.set_keyring(Forgetful() if request.param == "forgetful" else NoKeyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(former)


def test_a_keyring_keeps_the_login(ring: InMemory) -> None:
    assert store.keep(ADA) == "the keyring"
    assert (store.kept(), len(ring.kept), store.file().exists()) == (ADA, 1, False)
    store.forget()
    assert (store.kept(), ring.kept) == (None, {})
    store.forget()


@pytest.mark.usefixtures("no_ring")
def test_a_file_keeps_it_otherwise() -> None:
    assert store.kept() is None
    assert store.keep(ADA) == str(store.file())
    assert stat.S_IMODE(store.file().stat().st_mode) == 0o600
    assert stat.S_IMODE(store.file().parent.stat().st_mode) == 0o700
    assert store.kept() == ADA
    store.keep(BOB)
    assert store.kept() == BOB
    assert [path.name for path in store.file().parent.iterdir()] == ["login.json"]
    store.forget()
    assert store.kept() is None


@pytest.mark.usefixtures("no_ring")
def test_a_login_that_cannot_be_written_leaves_the_former(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store.keep(ADA)
    monkeypatch.setattr(os, "replace", is_full)
    with pytest.raises(OSError, match="No space"):
        store.keep(BOB)
    assert store.kept() == ADA


@pytest.mark.usefixtures("no_ring")
def test_a_file_that_others_could_read_is_replaced_by_one_they_cannot() -> None:
    store.file().parent.mkdir(parents=True)
    store.file().touch(0o644)
    store.keep(ADA)
    assert stat.S_IMODE(store.file().stat().st_mode) == 0o600


def test_a_login_in_a_file_moves_into_a_new_keyring(ring: InMemory) -> None:
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]
    store.keep(ADA)
    keyring.set_keyring(ring)
    assert store.kept() == ADA
    store.keep(BOB)
    assert (store.kept(), store.file().exists()) == (BOB, False)


@pytest.mark.usefixtures("no_ring")
@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": 1}'])
def test_a_damaged_login_is_said(content: str) -> None:
    store.keep(ADA)
    store.file().write_text(content)
    with pytest.raises(Failure, match="Log in again"):
        store.kept()
