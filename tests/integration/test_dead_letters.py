"""Dead letters on a real broker: reading them changes nothing, they are dropped one by one, and none is lost."""

from __future__ import annotations

import contextlib
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pika
import pytest

from functions.backends.dead_letters import MP3S_DEAD, VIDEOS_DEAD, DeadLetters, Letter
from functions.common import events
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.settings import Broker
from tests.clients.waiting import until
from tests.unit.in_memory import MemoryLetters

MANY = 200
DEATH = {"x-death": [{"reason": "\x1b[2J", "time": "never", "count": 1}]}


@pytest.fixture
def broker(queues: str) -> str:
    """The URL of a broker without messages."""
    with channel_of(queues) as channel:
        for name in (VIDEOS_DEAD, MP3S_DEAD):
            channel.queue_purge(name)
    return queues


@pytest.fixture
def letters(broker: str) -> DeadLetters:
    return DeadLetters(Broker(broker, 5.0))


def put(url: str, queue: str, *bodies: bytes, **properties: Any) -> None:
    """Publish messages to a queue, with confirms."""
    described = pika.BasicProperties(**{"content_type": events.STRUCTURED, **properties})
    with channel_of(url) as channel:
        channel.confirm_delivery()
        for body in bodies:
            channel.basic_publish("", queue, body, described, mandatory=True)


@contextlib.contextmanager
def channel_of(url: str) -> Any:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        yield connection.channel()


def event(kind: str, job_id: str) -> bytes:
    named = {"specversion": "1.0", "id": "1", "source": "/mp3converter", "type": kind, "data": {"id": job_id}}
    return json.dumps(named).encode()


def seen(letters: DeadLetters) -> list[Letter]:
    """Return all letters without removing them."""
    found: list[Letter] = []

    def keep(letter: Letter) -> bool:
        found.append(letter)
        return False

    letters.each(keep)
    return found


def test_a_rejected_event_has_its_reason_and_time(broker: str, letters: DeadLetters) -> None:
    """The reason and time come from the broker's history, the job from the event."""
    job_id = str(uuid.uuid4())
    put(broker, "videos", event(events.VIDEO_UPLOADED, job_id))
    with channel_of(broker) as channel:
        method, _, _ = channel.basic_get("videos")
        channel.basic_nack(method.delivery_tag, requeue=False)
    [letter] = until(lambda: seen(letters), "the dead letter")
    assert (letter.queue, letter.job_id, letter.reason) == (VIDEOS_DEAD, job_id, "rejected")
    assert letter.died_at is not None
    assert abs(letter.died_at - datetime.now(UTC)) < timedelta(minutes=5)


def test_reading_changes_nothing(broker: str, letters: DeadLetters) -> None:
    """Neither the order nor the number, however often."""
    ids = [str(uuid.uuid4()) for _ in range(5)]
    put(broker, MP3S_DEAD, *(event(events.MP3_READY, job_id) for job_id in ids))
    for _ in range(30):
        assert [letter.job_id for letter in seen(letters)] == ids


def test_settled_letters_are_removed_and_others_stay(broker: str, letters: DeadLetters) -> None:
    """If settling fails, the rest stays, possibly in another order."""
    ids = [str(uuid.uuid4()) for _ in range(6)]
    put(broker, MP3S_DEAD, *(event(events.CONVERSION_FAILED, job_id) for job_id in ids))
    letters.each(lambda letter: letter.job_id == ids[2])
    assert [letter.job_id for letter in seen(letters)] == ids[:2] + ids[3:]

    def fail_at_the_fourth(letter: Letter) -> bool:
        if letter.job_id == ids[3]:
            raise Failure(UNAVAILABLE)
        return True

    with pytest.raises(Failure):
        letters.each(fail_at_the_fourth)
    assert sorted(letter.job_id or "" for letter in seen(letters)) == sorted(ids[3:])


@pytest.mark.parametrize("settled", [[], [0, 1, 2, 3], [1, 2], [0, 3]])
@pytest.mark.parametrize("fails_at", [None, 0, 2])
def test_letters_in_memory_behave_like_those_of_a_broker(
    fails_at: int | None, settled: list[int], broker: str, letters: DeadLetters
) -> None:
    """So unit tests may use them instead."""
    ids = [str(uuid.uuid4()) for _ in range(4)]
    put(broker, MP3S_DEAD, *(event(events.MP3_READY, job_id) for job_id in ids))
    shown: list[list[Letter]] = []
    for walked in (MemoryLetters(seen(letters)), letters):
        shown.append([])

        def settle(letter: Letter, shown: list[Letter] = shown[-1]) -> bool:
            shown.append(letter)
            if ids.index(str(letter.job_id)) == fails_at:
                raise Failure(UNAVAILABLE)
            return ids.index(str(letter.job_id)) in settled

        with contextlib.suppress(Failure):
            walked.each(settle)
        shown.append(sorted(seen(walked), key=lambda letter: ids.index(str(letter.job_id))))
    assert shown[:2] == shown[2:]


def test_many_letters(broker: str, letters: DeadLetters) -> None:
    """The walk reaches the last letter; one that arrives meanwhile is left for the next walk."""
    put(broker, VIDEOS_DEAD, *(b"%d" % number for number in range(MANY)))
    shown: list[bytes] = []

    def last_only(letter: Letter) -> bool:
        if not shown:
            put(broker, VIDEOS_DEAD, b"a late one")
        shown.append(letter.beginning)
        return letter.beginning == b"%d" % (MANY - 1)

    letters.each(last_only)
    assert shown == [b"%d" % number for number in range(MANY)]
    left = seen(letters)
    assert (len(left), left[-1].beginning) == (MANY, b"a late one")


@pytest.mark.parametrize(
    ("queue", "body", "properties"),
    [
        (VIDEOS_DEAD, b"\xff\x00", {"content_type": None}),
        (VIDEOS_DEAD, b"[" * 100_000, {}),
        (VIDEOS_DEAD, event(events.MP3_READY, str(uuid.uuid4())), {}),
        (MP3S_DEAD, event(events.MP3_READY, "no id"), {"headers": DEATH}),
        (MP3S_DEAD, b"x" * 2_000_000, {"content_type": "application/cloudevents-batch+json"}),
        (MP3S_DEAD, b"{}", {"headers": {"x-death": 7, "when": datetime(2026, 1, 1, tzinfo=UTC)}}),
    ],
    ids=["no text", "deep", "of the other queue", "a forged history", "large", "an invalid history"],
)
def test_invalid_messages_have_no_job(
    broker: str, letters: DeadLetters, queue: str, body: bytes, properties: dict[str, Any]
) -> None:
    """Invalid messages are listed by their first bytes."""
    put(broker, queue, body, **properties)
    [letter] = seen(letters)
    assert (letter.queue, letter.job_id, letter.died_at) == (queue, None, None)
    assert (letter.beginning, letter.length) == (body[:40], len(body))


def test_an_unavailable_broker_or_missing_queue(vhost: str) -> None:
    """Both raise a Failure, without the driver's text."""
    with channel_of(vhost) as channel:
        channel.queue_delete(MP3S_DEAD)
    for url in (vhost, "amqp://a:b@127.0.0.1:1/x"):
        with pytest.raises(Failure) as failure:
            DeadLetters(Broker(url, 1.0)).each(lambda letter: True)
        assert failure.value.kind is UNAVAILABLE
