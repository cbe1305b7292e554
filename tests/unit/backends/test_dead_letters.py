"""Dead letters: the job and the reason in a message, and which letters of a queue are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from pika import BasicProperties

from functions.backends import dead_letters
from functions.backends.dead_letters import MP3S_DEAD, VIDEOS_DEAD, Letter
from functions.common import events, ids
from functions.common.errors import UNAVAILABLE, Failure

JOB = ids.new()
MOMENT = datetime(2026, 5, 1, tzinfo=UTC)


def event(kind: str, job_id: object = JOB) -> bytes:
    return json.dumps({"specversion": "1.0", "id": "1", "source": "/x", "type": kind, "data": {"id": job_id}}).encode()


def letter(queue: str, body: bytes, content_type: str | None = events.STRUCTURED, **properties: Any) -> Letter:
    return dead_letters._letter(queue, BasicProperties(content_type=content_type, **properties), body)


@pytest.mark.parametrize(
    ("queue", "kind", "ours"),
    [
        (VIDEOS_DEAD, events.VIDEO_UPLOADED, True),
        (VIDEOS_DEAD, events.MP3_READY, False),
        (VIDEOS_DEAD, events.CONVERSION_FAILED, False),
        (MP3S_DEAD, events.VIDEO_UPLOADED, False),
        (MP3S_DEAD, events.MP3_READY, True),
        (MP3S_DEAD, events.CONVERSION_FAILED, True),
    ],
)
def test_a_letter_names_a_job_if_its_queue_takes_such_events(queue: str, kind: str, ours: bool) -> None:
    assert letter(queue, event(kind)).job_id == (JOB if ours else None)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", events.STRUCTURED),
        (b"{", events.STRUCTURED),
        (b"\xff", events.STRUCTURED),
        (b"[" * 100_000, events.STRUCTURED),
        (event(events.VIDEO_UPLOADED, "no id"), events.STRUCTURED),
        (event(events.VIDEO_UPLOADED, None), events.STRUCTURED),
        (b"<event/>", None),
        (b"2", "text/plain"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_other_messages_are_poison(body: bytes, content_type: str | None) -> None:
    """Only their first bytes are kept."""
    found = letter(VIDEOS_DEAD, body, content_type)
    assert (found.job_id, found.beginning, found.length) == (None, body[:40], len(body))


@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain"])
def test_the_content_type_of_an_event_is_not_needed(content_type: str | None) -> None:
    """An operator may have published it."""
    assert letter(VIDEOS_DEAD, event(events.VIDEO_UPLOADED), content_type).job_id == JOB


@pytest.mark.parametrize(
    ("headers", "reason", "died_at"),
    [
        (None, "unknown", None),
        ({}, "unknown", None),
        ({"x-death": None}, "unknown", None),
        ({"x-death": []}, "unknown", None),
        ({"x-death": "forged"}, "unknown", None),
        ({"x-death": ["forged"]}, "unknown", None),
        ({"x-death": [{}]}, "unknown", None),
        ({"x-death": [{"reason": "rejected", "time": MOMENT}]}, "rejected", MOMENT),
        ({"x-death": [{"reason": "delivery_limit", "time": MOMENT}, {"reason": "x"}]}, "delivery_limit", MOMENT),
        ({"x-death": [{"reason": 7, "time": "never"}]}, "7", None),
    ],
)
def test_the_reason_is_in_the_latest_entry_of_x_death(headers: Any, reason: str, died_at: datetime | None) -> None:
    """A forged history is ignored."""
    found = letter(VIDEOS_DEAD, b"", headers=headers)
    assert (found.reason, found.died_at) == (reason, died_at)


class Channel:
    """A channel on a queue of messages."""

    def __init__(self, *bodies: bytes) -> None:
        self.ready = list(bodies)
        self.taken: list[bytes] = []
        self.acknowledged: list[bytes] = []

    def basic_get(self, _queue: str) -> Any:
        """Take the next message."""
        if not self.ready:
            return None, None, None
        body = self.ready.pop(0)
        self.taken.append(body)
        method = SimpleNamespace(message_count=len(self.ready), delivery_tag=len(self.taken))
        return method, BasicProperties(), body

    def basic_ack(self, delivery_tag: int) -> None:
        """Drop a message."""
        self.acknowledged.append(self.taken[delivery_tag - 1])


def read(channel: Any, handle: Callable[[Letter], bool]) -> list[bytes]:
    """Read a queue; return the letters that `handle` was called with."""
    shown: list[bytes] = []

    def show(letter: Letter) -> bool:
        shown.append(letter.beginning)
        return handle(letter)

    dead_letters._read(channel, VIDEOS_DEAD, show)
    return shown


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_every_letter_is_read_once(number: int) -> None:
    bodies = [b"%d" % each for each in range(number)]
    assert read(Channel(*bodies), lambda letter: False) == bodies


def test_only_handled_letters_are_dropped() -> None:
    channel = Channel(b"1", b"2", b"3")
    read(channel, lambda letter: letter.beginning != b"2")
    assert channel.acknowledged == [b"1", b"3"]


def test_letters_that_arrive_meanwhile_are_not_read() -> None:
    """They may arrive as fast as these are dropped."""
    channel = Channel(b"1", b"2", b"3")

    def handle(letter: Letter) -> bool:
        channel.ready.append(b"late")
        return True

    assert read(channel, handle) == [b"1", b"2", b"3"]


def test_an_emptied_queue_ends_the_reading() -> None:
    channel = Channel(b"1", b"2", b"3")

    def handle(letter: Letter) -> bool:
        channel.ready.clear()
        return True

    assert read(channel, handle) == [b"1"]


def test_a_letter_whose_handling_fails_is_not_dropped() -> None:
    channel = Channel(b"1", b"2")

    def handle(letter: Letter) -> bool:
        raise Failure(UNAVAILABLE)

    with pytest.raises(Failure):
        read(channel, handle)
    assert (channel.acknowledged, channel.ready) == ([], [b"2"])
