"""The delays between attempts, from the settings."""

from __future__ import annotations

import pytest

from functions.common import config
from functions.common.settings import Periods

PERIODS = config.load(Periods, {"RETRY_DELAY_SECONDS": "10"})


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 10), (2, 20), (3, 40), (9, 2560), (10, 3600), (11, 3600), (64, 3600), (100_000, 3600)]
)
def test_delays_double_up_to_an_hour(attempts: int, seconds: float) -> None:
    assert PERIODS.backoff(attempts) == seconds


def test_a_first_delay_above_an_hour_is_limited() -> None:
    assert config.load(Periods, {"RETRY_DELAY_SECONDS": "7200"}).backoff(1) == 3600


def test_the_longest_step_ends_with_its_lease() -> None:
    times = {"UPLOAD_TIMEOUT_SECONDS": "100", "UPLOAD_LEASE_SECONDS": "10"}
    assert config.load(Periods, times | {"CONVERT_TIMEOUT_SECONDS": "90"}).longest_step == 150
    assert config.load(Periods, times | {"CONVERT_TIMEOUT_SECONDS": "20"}).longest_step == 110
