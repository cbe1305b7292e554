"""Sign-up: a slow relay must not hold the threads that logins need."""

from __future__ import annotations

from typing import Any, cast

import pytest
from flask import Flask, g

from functions.login import signup
from functions.login.registration import Registry
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
