"""Sign-up: neither a slow relay nor who asks for many letters may hold what logins need."""

from __future__ import annotations

from typing import Any, cast

import pytest
from flask import Flask, Response, g, request

from functions.common import errors
from functions.common.errors import Failure
from functions.common.settings import Registering, Throttling
from functions.login import signup, stored, throttle
from functions.login.registration import Registry
from functions.login.throttle import Throttle
from tests.unit.login.failures import MemoryFailures
from tests.unit.login.users import MemoryUsers

EMAIL = "ada@example.org"
LETTERS_AT_ONCE = 8


def test_few_letters_are_written_at_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Another is given up, because its person asks again; one that fails makes room, too."""
    registry, written = Registry(MemoryUsers(), *cast(Any, (None, None, None))), list[Registry]()
    monkeypatch.setattr(signup, "_registry", lambda _loaded: registry)

    def write(given: Registry) -> None:
        written.append(given)
        if len(written) <= LETTERS_AT_ONCE:
            write_one()  # while this one is being written

    def write_one() -> None:
        with Flask("login").test_request_context():
            assert signup._written(cast(Any, None), write, EMAIL).status_code == 202
            (work,) = g.pop("after_response")
        work()

    write_one()
    assert len(written) == LETTERS_AT_ONCE
    assert {vars(record)["cause"] for record in caplog.records} == {"too many at once"}
    write_one()
    assert len(written) == LETTERS_AT_ONCE + 1


def send(path: str, email: str, address: str) -> Response:
    """Ask for a letter."""
    loaded = cast(Any, {Registering: Registering("open")})
    body = {"email": email, "password": "correct horse"}
    with Flask("login").test_request_context(method="POST", json=body, headers={"X-Forwarded-For": address}):
        return {"register": signup.register, "recover": signup.recover}[path](request, loaded)


@pytest.mark.parametrize("path", ["register", "recover"])
@pytest.mark.parametrize("is_known", [True, False])
def test_an_address_that_asks_for_many_letters_has_to_wait(
    path: str, is_known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a hash is computed or anybody is looked for; only the client's address counts."""
    users = MemoryUsers()
    if is_known:
        users.add(EMAIL, "a hash")
    limits = Throttling(trusted_proxies=1, account_tries=0, address_tries=0, letters=3)
    throttled = Throttle(MemoryFailures(), limits, "a secret of at least 32 bytes for links")
    monkeypatch.setattr(throttle, "connect", lambda: throttled)
    monkeypatch.setattr(signup, "_registry", lambda _loaded: Registry(users, *cast(Any, (None, None, None))))
    for _ in range(limits.letters):
        assert send(path, EMAIL, "192.0.2.1").status_code == 202
    with monkeypatch.context() as patched:
        patched.setattr(stored, "hashed", lambda _password: pytest.fail("a hash was computed"))
        patched.setattr(users, "find", lambda _email: pytest.fail("somebody was looked for"))
        with pytest.raises(Failure) as failure:
            send(path, EMAIL, "192.0.2.1")
    assert (failure.value.kind, failure.value.headers) == (errors.TOO_MANY_TRIES, {"Retry-After": "1"})
    assert send(path, EMAIL, "192.0.2.2").status_code == 202
