"""Values of transitions: what each becomes at a given time, and that different kinds are never equal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest

from functions.common.config import load
from functions.common.settings import Periods
from functions.common.values import (
    After,
    AfterGiven,
    AttemptsLeft,
    Fixed,
    Given,
    Keep,
    Lease,
    Length,
    Moment,
    NoAttemptsLeft,
    NotBefore,
    Now,
    Past,
    Value,
)

NOW = datetime(2026, 5, 1, 12, 0, 0, 123000, tzinfo=UTC)
PERIODS = load(Periods, {}).replace(convert_lease=60.0, video_keep_days=1.5, max_attempts=3, mail_keep_trying=65 / 3600)


def moment(**given: Any) -> Moment:
    return Moment(NOW, PERIODS, given)


def later(**length: float) -> datetime:
    return NOW + timedelta(**length)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Now(), NOW),
        (After("convert_lease"), later(seconds=60)),
        (Length("convert_lease"), 60.0),
        (Keep("video_keep_days"), later(hours=36)),
        (Given("gap"), 2.5),
        (Fixed(None), None),
        (AfterGiven("gap"), later(seconds=2.5)),
        (Past(), {"$lte": NOW}),
        (NotBefore(), {"$not": {"$gt": NOW}}),
        (AttemptsLeft("max_attempts"), {"$lt": 3}),
        (NoAttemptsLeft("max_attempts"), {"$gte": 3}),
        (AttemptsLeft("mail_attempts"), {"$lt": 4}),
        (NoAttemptsLeft("mail_attempts"), {"$gte": 4}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_at_a_time(value: Value, expected: Any) -> None:
    assert value.at(moment(gap=2.5)) == expected


@pytest.mark.parametrize(
    ("deadline", "until"), [(59.9, 59.9), (60.0, 60.0), (60.1, 60.0), (-5.0, -5.0)], ids=lambda seconds: f"{seconds:g}"
)
def test_a_lease_ends_at_its_deadline_at_the_latest(deadline: float, until: float) -> None:
    assert Lease("convert_lease").at(moment(deadline=later(seconds=deadline))) == later(seconds=until)


@pytest.mark.parametrize("kind", [Given("epoch"), AfterGiven("epoch"), Lease("convert_lease")], ids=repr)
def test_required_arguments_have_no_default(kind: Value) -> None:
    """A missing epoch would match documents without one."""
    with pytest.raises(KeyError):
        kind.at(moment())


@pytest.mark.parametrize(
    ("microsecond", "seconds", "kept"),
    [(123456, 0, 123000), (123999, 0, 123000), (999999, 0, 999000), (0, 0.0019, 1000), (999000, 0.0005, 999000)],
)
def test_times_are_whole_milliseconds(microsecond: int, seconds: float, kept: int) -> None:
    """MongoDB stores no more, and values must be read back as they were written."""
    assert Moment(NOW.replace(microsecond=microsecond), PERIODS).after(seconds).microsecond == kept


ALL = [
    Now(),
    Past(),
    NotBefore(),
    AttemptsLeft("max_attempts"),
    NoAttemptsLeft("max_attempts"),
    AttemptsLeft("mail_attempts"),
    NoAttemptsLeft("mail_attempts"),
    *(kind("x") for kind in (After, Length, Keep, Given, Fixed, Lease, AfterGiven)),
    Given("y"),
    Fixed(("x",)),
]


def test_values_are_equal_by_kind_and_content() -> None:
    """They are tuples, many with the same content; a transition must not equal another one."""
    for first, second in combinations(ALL, 2):
        assert first != second
        assert not first == second  # noqa: SIM201 - the operator is a method of its own
    assert len({hash(each) for each in ALL}) == len(ALL)
    assert Given("x") == Given("x")
    assert not Given("x") != Given("x")  # noqa: SIM202
    assert len({Given("x"), Given("x"), After("x")}) == 2
    assert Given("x") != ("x",)
    assert Now() != ()


def test_values_are_printed_with_their_kind() -> None:
    assert repr([Now(), After("convert_lease"), Fixed(0)]) == "[Now(), After(period='convert_lease'), Fixed(value=0)]"
