"""Events from outside: an event function does no harm, and tells poison from what to retry."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.clients import events, web
from tests.clients.database import Inspector
from tests.local.private import PrivateStack


@pytest.mark.attack("E7", "E9")
@pytest.mark.parametrize(
    ("fid", "status"),
    [("0b5f1c9e-7d0f-4b0e-9a59-5d8f0b1f7a11", 200), ("no id at all", 400), ("{'$gt': ''}", 400), ("", 400)],
)
@pytest.mark.parametrize("post", [events.binary, events.structured])
def test_an_event_about_an_unknown_job_is_harmless(
    post: Callable[[str, str, str], web.Answer], fid: str, status: int, stack: PrivateStack, inspector: Inspector
) -> None:
    before = inspector.stored("mp3s")
    assert post(stack.functions["convert"], stack.event_token, fid).status == status
    assert inspector.stored("mp3s") == before


@pytest.mark.attack("E5")
def test_invalid_events_are_rejected(stack: PrivateStack) -> None:
    for headers, body in (
        ({"Content-Type": "application/json"}, b"{}"),
        ({"Content-Type": "application/cloudevents+json"}, b"{"),
        ({"Content-Type": "application/cloudevents+json"}, b'{"specversion": "1.0"}'),
        ({"Content-Type": "text/plain"}, b""),
    ):
        given = {**headers, **web.bearer(stack.event_token)}
        answer = web.call("POST", stack.functions["convert"], headers=given, body=body)
        assert answer.status in {400, 422}, (headers, body, answer)


@pytest.mark.attack("A26")
@pytest.mark.parametrize("function", ["convert", "notify"])
def test_an_event_function_does_not_allow_get(function: str, stack: PrivateStack) -> None:
    answer = web.call("GET", stack.functions[function], headers=web.bearer(stack.event_token))
    assert (answer.status, answer.json()["code"]) == (405, "method_not_allowed")


@pytest.mark.attack("E8")
@pytest.mark.parametrize("function", ["convert", "notify", "sweep"])
def test_only_deliverers_may_send_events(function: str, stack: PrivateStack) -> None:
    """Also those who know an id; how the function is doing, anyone may ask."""
    for headers in ({}, web.bearer("0123456789abcdef"), web.basic("", stack.event_token)):
        answer = web.call("POST", stack.functions[function], headers=headers, body=b"{}")
        assert (answer.status, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert web.call("GET", f"{stack.functions[function]}/_/health").status == 200
