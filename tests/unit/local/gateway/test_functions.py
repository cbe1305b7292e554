"""The state of the functions: their health and the number of their requests."""

from __future__ import annotations

import pytest

from local.gateway.functions import Function, observe
from tests.unit.local.gateway.conftest import TOKEN, FakeFunction

CLOSED = "http://127.0.0.1:1"


def test_requests_of_all_methods_and_statuses_are_added(function: FakeFunction) -> None:
    function.metrics = (
        "# TYPE http_requests counter\n"
        'http_requests_total{method="POST",status="202"} 5.0\n'
        'http_requests_total{method="POST",status="401"} 2.0\n'
        'http_requests_created{method="POST",status="202"} 1.7e9\n'
        "# TYPE other counter\nother_total 100.0\n"
    )
    assert observe({"upload": function.url}, TOKEN) == [Function("upload", True, 7)]


def test_a_function_that_does_not_answer_is_unhealthy(function: FakeFunction) -> None:
    """Its metrics are not requested."""
    function.health = 503
    found = observe({"a": CLOSED, "b": function.url}, TOKEN)
    assert found == [Function("a", False, 0), Function("b", False, 0)]
    assert function.asked == ["/_/health"]


@pytest.mark.parametrize("token", ["", "wrong"])
def test_without_metrics_a_function_has_served_nothing(token: str, function: FakeFunction) -> None:
    function.metrics = "http_requests_total 5.0\n"
    assert observe({"a": function.url}, token) == [Function("a", True, 0)]


def test_without_functions_nothing_is_observed() -> None:
    assert observe({}, TOKEN) == []


def test_the_order_is_kept(function: FakeFunction) -> None:
    names = [f"f{number}" for number in range(4)]
    assert [each.name for each in observe(dict.fromkeys(names, function.url), TOKEN)] == names
