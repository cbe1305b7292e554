"""Shares: a user may have a quarter of the threads, and gets each back."""

from __future__ import annotations

import pytest

from functions.common.errors import TOO_MANY_TRANSFERS, Failure
from functions.common.shares import Shares


@pytest.mark.parametrize(("threads", "most"), [(128, 32), (16, 4), (7, 1), (1, 1)])
def test_a_user_has_a_quarter_of_the_threads(threads: int, most: int) -> None:
    shares = Shares(threads)
    for _ in range(most):
        shares.take("ada")
    for _ in range(2):
        with pytest.raises(Failure) as failure:
            shares.take("ada")
        assert (failure.value.kind, failure.value.headers) == (TOO_MANY_TRANSFERS, {"Retry-After": "5"})
    shares.take("grace")
    shares.give_back("ada")
    shares.take("ada")


def test_users_without_transfers_are_forgotten() -> None:
    shares = Shares(16)
    for user in map(str, range(1000)):
        shares.take(user)
        shares.give_back(user)
    assert not shares._running
