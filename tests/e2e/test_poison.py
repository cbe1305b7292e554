"""Poison: messages that can never be processed become dead letters, and nothing else waits for them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import pika
import pytest

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.operator import Operator
from tests.clients.waiting import until
from tests.connector.queues import Queues
from tests.e2e import poison
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack
from tests.media.samples import made, tone

EACH = 100
ALL_SECONDS = 90
TYPES = {"videos": "com.mp3converter.video.uploaded", "mp3s": "com.mp3converter.mp3.ready"}


@dataclass(frozen=True)
class Message:
    """One poisonous message for a queue, with a unique name."""

    queue: str
    name: str
    poison: poison.Poison


def messages() -> list[Message]:
    """Return a hundred, of every kind for both queues, in random order."""
    kinds = [
        (queue, one)
        for queue, wrong in (("videos", "mp3s"), ("mp3s", "videos"))
        for one in poison.kinds(TYPES[queue], TYPES[wrong])
    ]
    assert len(kinds) <= EACH, "not every kind is sent"
    found = [
        Message(queue, f"{number} in {queue}: {one.kind}", one)
        for number, (queue, one) in enumerate(islice(cycle(kinds), EACH))
    ]
    random.Random(16).shuffle(found)
    return found


def described(message: Message) -> pika.BasicProperties:
    """Return the properties of a message."""
    poisonous = message.poison
    return pika.BasicProperties(content_type=poisonous.content_type, headers=poisonous.headers, message_id=message.name)


@pytest.mark.attack("E5", "E6", "E7")
def test_a_hundred_invalid_messages_among_a_hundred_valid_ones(
    queues: Queues, stack: PrivateStack, url: Urls, owner: Person, tmp_path: Path, inspector: Inspector
) -> None:
    """Every upload is done at the first attempt; the dead letters are exactly the expected poison."""
    video = made(tmp_path / "short.mp3", *tone(0.5))
    sent, fids = messages(), []
    before = len(stack.log("connector"))
    for message in sent:
        queues.publish(message.queue, described(message), message.poison.body)
        fids.append(web.uploaded(url("upload"), owner.token, video))

    ended = {"_id": {"$in": fids}, "state": "done", "attempts": 1, "mail.state": "sent", "mail.run": 1}
    until(lambda: inspector.database.jobs.count_documents(ended) == EACH, "all to be done and mailed", ALL_SECONDS)
    until(lambda: queues.ready("videos") + queues.ready("mp3s") == 0, "the queues to be empty")
    for queue in TYPES:
        must = {message.name for message in sent if message.queue == queue and message.poison.dead}
        queues.await_ready(f"{queue}.dead", len(must))
        assert {properties.message_id for properties, _ in queues.take_all(f"{queue}.dead")} == must
    assert "not delivered" not in stack.log("connector")[before:], "poison was delivered again"


def test_invalid_messages_are_listed_and_dropped(queues: Queues, stack: PrivateStack) -> None:
    """No dead letter, however strange, stops the operator from listing the others and dropping all."""
    operator = Operator(stack.home)
    sent = [message for message in messages() if message.poison.dead]
    queues.publish_all((f"{message.queue}.dead", described(message), message.poison.body) for message in sent)
    listed = operator.done("dead").text.splitlines()[1:]
    assert len(listed) == len(sent)
    assert all(line.isascii() and line.isprintable() for line in listed)
    replayed = operator.jobs("replay", "--all")
    assert replayed.text.endswith(f"Dead letters replayed and dropped: {len(sent)}.\n")
    assert operator.done("dead").text == "No dead letters.\n"
