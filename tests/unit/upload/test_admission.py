"""Admission: what an Idempotency-Key may be, and what a refusal says about the quotas."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from functions.common import errors, ids, quotas
from functions.common.config import load
from functions.common.errors import Failure
from functions.common.settings import Quotas
from functions.upload import admission
from functions.upload.admission import Stores
from tests.unit.in_memory import System

UUID = "8e03978e-40d5-43dd-bc93-6894a57f9324"
LIMITS = load(Quotas, {}).replace(kept_bytes=1000, jobs_at_once=2, jobs_a_day=3, conversion_seconds=60)


def request(*keys: str) -> Request:
    return Request(EnvironBuilder(headers=[("Idempotency-Key", key) for key in keys]).get_environ())


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        (f'"{UUID}"', UUID),
        (UUID, UUID),
        ('  "a b"  ', "a b"),
        (r'"a\"b\\c"', 'a"b\\c'),
        ("a" * 255, "a" * 255),
        ("order:17/retry", "order:17/retry"),
    ],
)
def test_a_string_and_the_same_without_quotes_are_one_key(sent: str, key: str) -> None:
    assert admission.key_of(request(sent)) == key


def test_without_the_header_there_is_no_key() -> None:
    assert admission.key_of(request()) is None


@pytest.mark.parametrize(
    "sent",
    ["", '""', '"a', 'a"b', "a b", "a;b=1", "a,b", '"a";b=1', '"a", "b"', r'"\a"', "é", "a" * 256, f'"{"a" * 256}"'],
)
def test_anything_else_is_refused(sent: str) -> None:
    with pytest.raises(Failure) as failure:
        admission.key_of(request(sent))
    assert failure.value.kind is errors.INVALID_KEY


def test_two_headers_are_refused() -> None:
    with pytest.raises(Failure):
        admission.key_of(request("a", "a"))


def refused(system: System, size: int, limits: Quotas = LIMITS) -> Failure:
    stores = Stores(system.jobs, system.files, system.usage, system.keys)
    with pytest.raises(Failure) as failure, admission.admitted("7", size, None, limits, stores):
        pass
    return failure.value


@pytest.mark.parametrize("slow", [True, False])
def test_first_bytes_that_take_longer_than_a_lease_keep_place_and_key(
    slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others take them for a dead upload's otherwise."""
    system, clock = System(), SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(admission, "time", SimpleNamespace(monotonic=lambda: clock.seconds))
    stores = Stores(system.jobs, system.files, system.usage, system.keys)
    lease = system.jobs.periods.upload_lease
    with admission.admitted("7", 5, system.keys.find("7", "k"), LIMITS, stores) as admitted:
        for _ in range(3):
            clock.seconds += 0.9 * lease if slow else 0
            system.clock.advance(seconds=0.9 * lease)
            admitted.keep()
        system.usage.count_again("7")
        assert len(system.database["usage"].documents["7"]["pending"]) == (1 if slow else 0)
        if slow:
            with pytest.raises(Failure, match="idempotency_key_in_use"):
                system.keys.find("7", "k")
        else:
            system.keys.take(system.keys.find("7", "k"), ids.new())
            clock.seconds = lease
            with pytest.raises(Failure, match="unavailable"):
                admitted.keep()


def test_a_key_that_another_upload_has_is_not_kept() -> None:
    system = System()
    key = system.keys.find("7", "k")
    system.keys.take(key, "a")
    system.keys.renew(key, "a")
    with pytest.raises(Failure, match="idempotency_key_in_use"):
        system.keys.renew(key, "b")


def test_a_refusal_tells_every_quota() -> None:
    system = System()
    system.clock.advance(hours=23)
    for _ in range(2):
        system.usage.reserve("7", ids.new(), 100, LIMITS)
    failure = refused(system, 0)
    assert failure.kind is errors.QUOTA_AT_ONCE
    assert failure.headers == {
        "RateLimit-Policy": '"jobs-at-once";q=2;qu="concurrent-requests", "jobs-a-day";q=3;qu="requests";w=86400, '
        '"conversion-seconds-a-day";q=60;w=86400, "bytes";q=1000;qu="content-bytes"',
        "RateLimit": '"jobs-at-once";r=0, "jobs-a-day";r=1;t=3600, "conversion-seconds-a-day";r=60;t=3600, '
        '"bytes";r=800',
        "Retry-After": "10",
    }
    assert failure.more == {"quota": "jobs-at-once", "limit": 2, "used": 2, "reset": None}


def test_a_daily_quota_says_when_it_begins_anew() -> None:
    system = System()
    limits = LIMITS.replace(jobs_at_once=0)
    for _ in range(3):
        system.usage.reserve("7", ids.new(), 0, limits)
    failure = refused(system, 0, limits)
    assert (failure.kind, failure.headers["Retry-After"]) == (errors.QUOTA_JOBS, "86400")


def test_nobody_knows_when_there_will_be_space() -> None:
    failure = refused(System(), 1001)
    assert failure.kind is errors.QUOTA_BYTES
    assert "Retry-After" not in failure.headers
    assert failure.headers["RateLimit"].endswith('"bytes";r=1000')


def test_without_quotas_there_are_no_headers() -> None:
    assert quotas.headers([]) == {}
