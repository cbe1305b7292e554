"""The throttle: who has to wait, for how long, and whom the failures of others do not concern."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from functions.common.errors import ACCOUNT_DISABLED, BUSY, TOO_MANY_TRIES, UNAVAILABLE, WRONG_CREDENTIALS, Failure
from functions.common.settings import Throttling
from functions.login.throttle import Throttle
from tests.unit.login.failures import DAY, MemoryFailures

ADA, EVE = "ada@example.org", "eve@example.org"
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.9"
LIMITS = Throttling(trusted_proxies=0, account_tries=3, address_tries=8, letters=5)
SECRET = "a secret of at least 32 bytes for links"


@pytest.fixture
def failures() -> MemoryFailures:
    return MemoryFailures()


@pytest.fixture
def throttle(failures: MemoryFailures) -> Throttle:
    return Throttle(failures, LIMITS, SECRET)


def failing(kind: object = WRONG_CREDENTIALS, meanwhile: Callable[[], object] = lambda: None) -> Callable[[], str]:
    """Return a check that fails, after something else happened."""

    def check() -> str:
        meanwhile()
        raise Failure(kind)  # type: ignore[arg-type]

    return check


def outcome(throttle: Throttle, account: str, address: str, check: Callable[[], str] = lambda: "a token") -> str:
    """Return what came of a try: a token, a code, or how long to wait."""
    try:
        return throttle.attempt(account, address, check)
    except Failure as failure:
        if failure.kind is TOO_MANY_TRIES:
            return f"wait {failure.headers['Retry-After']}"
        return failure.kind.code


def wrong(throttle: Throttle, account: str = ADA, address: str = ELSEWHERE) -> str:
    return outcome(throttle, account, address, failing())


@pytest.mark.attack("A20")
def test_waits_double_until_a_quarter_of_an_hour(throttle: Throttle, failures: MemoryFailures) -> None:
    """From an address each, so that only the account counts; refused tries make no wait longer."""
    for number in range(LIMITS.account_tries):
        assert wrong(throttle, address=f"203.0.113.{number}") == "wrong_credentials"
    for number in range(14):
        seconds = min(900, 2**number)
        for _ in range(3):
            assert wrong(throttle, address=f"198.51.100.{number}") == f"wait {seconds}"
        failures.now += seconds
        assert wrong(throttle, address=f"198.51.100.{number}") == "wrong_credentials"


@pytest.mark.attack("A20")
def test_a_password_is_not_looked_at_while_somebody_waits(throttle: Throttle) -> None:
    for _ in range(LIMITS.account_tries):
        assert wrong(throttle) == "wrong_credentials"
    assert outcome(throttle, ADA, ELSEWHERE, lambda: pytest.fail("it was looked at")) == "wait 1"


@pytest.mark.attack("A20")
def test_an_address_waits_after_failures_with_many_accounts(throttle: Throttle, failures: MemoryFailures) -> None:
    for number in range(LIMITS.address_tries):
        assert wrong(throttle, f"{number}@example.org", HOME) == "wrong_credentials"
    assert wrong(throttle, EVE, HOME) == "wait 1"
    assert wrong(throttle, EVE, ELSEWHERE) == "wrong_credentials"
    failures.now += 1
    assert outcome(throttle, ADA, HOME) == "a token"


@pytest.mark.attack("A21")
def test_nobody_keeps_a_user_out_from_where_they_were(throttle: Throttle, failures: MemoryFailures) -> None:
    """Neither from elsewhere, nor from the same address with other accounts."""
    assert outcome(throttle, ADA, HOME) == "a token"
    for _ in range(100):
        wrong(throttle)
        failures.now += 900
    for number in range(LIMITS.address_tries):
        wrong(throttle, f"{number}@example.org", HOME)
    wrong(throttle)
    assert wrong(throttle).startswith("wait")
    assert wrong(throttle, EVE, HOME).startswith("wait")
    for spelled in (ADA, f" {ADA.upper()}"):
        assert outcome(throttle, spelled, HOME) == "a token"


@pytest.mark.attack("A21")
def test_a_wait_ends(throttle: Throttle, failures: MemoryFailures) -> None:
    for _ in range(100):
        wrong(throttle)
        failures.now += 300
    failures.now += 900
    assert outcome(throttle, ADA, ELSEWHERE) == "a token"


def test_failures_from_where_a_user_was_count_there_alone(throttle: Throttle) -> None:
    """Who knows the address of a user gets no more tries than others."""
    assert outcome(throttle, ADA, HOME) == "a token"
    for _ in range(LIMITS.account_tries):
        assert wrong(throttle, ADA, HOME) == "wrong_credentials"
    assert outcome(throttle, ADA, HOME) == "wait 1"
    assert outcome(throttle, ADA, ELSEWHERE) == "a token"


def test_an_address_is_remembered_for_90_days_after_the_last_login(
    throttle: Throttle, failures: MemoryFailures
) -> None:
    assert outcome(throttle, ADA, HOME) == "a token"
    failures.now += 80 * DAY
    assert outcome(throttle, ADA, HOME) == "a token"
    failures.now += 80 * DAY
    for _ in range(LIMITS.account_tries):
        wrong(throttle)
    assert outcome(throttle, ADA, HOME) == "a token"
    failures.now += 91 * DAY
    for _ in range(LIMITS.account_tries):
        wrong(throttle)
    assert outcome(throttle, ADA, HOME) == "wait 1"


def test_counts_begin_anew_each_day(throttle: Throttle, failures: MemoryFailures) -> None:
    """Also those of an address from where somebody errs every few hours."""
    for _ in range(30):
        failures.now += 10 * 3600
        assert wrong(throttle) == "wrong_credentials"


@pytest.mark.parametrize("kind", [BUSY, UNAVAILABLE, ACCOUNT_DISABLED])
def test_only_wrong_passwords_count(throttle: Throttle, kind: object) -> None:
    for _ in range(2 * LIMITS.account_tries):
        assert outcome(throttle, ADA, HOME, failing(kind)) != "wrong_credentials"
    assert outcome(throttle, ADA, HOME) == "a token"


@pytest.mark.attack("A20")
@pytest.mark.parametrize("kind", [WRONG_CREDENTIALS, ACCOUNT_DISABLED, None])
def test_tries_at_once_tell_no_more_than_one_after_another(throttle: Throttle, kind: object) -> None:
    """All began before the first failed; those that end late learn nothing, not even that the password was right."""

    def others() -> None:
        for _ in range(LIMITS.account_tries):
            wrong(throttle)

    def right() -> str:
        others()
        return "a token"

    assert outcome(throttle, ADA, HOME, failing(kind, others) if kind else right) == "wait 1"


@pytest.mark.attack("A18", "A19")
@pytest.mark.parametrize("is_known", [False, True])
def test_a_failure_takes_the_same_queries(throttle: Throttle, failures: MemoryFailures, is_known: bool) -> None:
    """The throttle never asks whether there is an account; from where one was used it asks no more either."""
    if is_known:
        outcome(throttle, ADA, HOME)
    before = failures.queries
    wrong(throttle, ADA, HOME)
    assert failures.queries - before == 2


def test_a_login_writes_only_where_it_is_new(throttle: Throttle, failures: MemoryFailures) -> None:
    outcome(throttle, ADA, HOME)
    assert failures.queries == 3
    outcome(throttle, ADA, HOME)
    assert failures.queries == 5


def test_the_table_tells_neither_accounts_nor_addresses(throttle: Throttle, failures: MemoryFailures) -> None:
    """Nor does it with another secret."""
    wrong(throttle)
    outcome(throttle, EVE, HOME)
    subjects = set(failures.rows)
    assert len(subjects) == 3
    assert {len(subject) for subject in subjects} == {32}
    other = MemoryFailures()
    wrong(Throttle(other, LIMITS, SECRET[::-1]))
    assert not subjects & set(other.rows)


def test_no_limits(failures: MemoryFailures) -> None:
    without = Throttle(failures, LIMITS.replace(address_tries=0), SECRET)
    for number in range(3 * LIMITS.address_tries):
        assert wrong(without, f"{number}@example.org", HOME) == "wrong_credentials"
    nothing = Throttle(MemoryFailures(), LIMITS.replace(account_tries=0), SECRET)
    for _ in range(3 * LIMITS.address_tries):
        assert wrong(nothing) == "wrong_credentials"


def test_letters_count_apart_by_address(throttle: Throttle, failures: MemoryFailures) -> None:
    for _ in range(LIMITS.letters):
        throttle.letter(HOME)
    for _ in range(2):
        with pytest.raises(Failure) as failure:
            throttle.letter(HOME)
        assert (failure.value.kind, failure.value.headers) == (TOO_MANY_TRIES, {"Retry-After": "1"})
    throttle.letter(ELSEWHERE)
    assert wrong(throttle, ADA, HOME) == "wrong_credentials"
    failures.now += 1
    throttle.letter(HOME)
    with pytest.raises(Failure) as failure:
        throttle.letter(HOME)
    assert failure.value.headers == {"Retry-After": "2"}


def test_letters_without_a_limit(failures: MemoryFailures) -> None:
    without = Throttle(failures, LIMITS.replace(letters=0), SECRET)
    for _ in range(3 * LIMITS.letters):
        without.letter(HOME)
    assert failures.queries == 0
