"""What the end-to-end tests share: people, doors, videos, and the promise that nothing is left behind."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pymongo
import pytest

from functions.backends.jobs import Jobs
from functions.common.config import load
from functions.common.settings import Periods
from functions.common.transitions import Document
from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.operator import Operator
from tests.clients.waiting import until_gone
from tests.connector.queues import Queues
from tests.e2e.leftovers import leftovers
from tests.local.private import SHORT_PERIODS, PrivateStack
from tests.media.videos import tone_video

CLEAN_SECONDS = 45
DOORS = ("gateway", "openfaas", "own port")

Door = Callable[[str], str]


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    email: str
    password: str
    token: str


def through(door: str, stack: PrivateStack) -> Door:
    """Return how a function is reached through one of the three doors."""
    if door == "gateway":
        return lambda name: f"{stack.gateway}/{name}"
    if door == "openfaas":
        return lambda name: f"{stack.gateway}/function/{name}"
    return lambda name: stack.functions[name]


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, stack: PrivateStack) -> Door:
    """Each of the doors in turn."""
    return through(request.param, stack)


@pytest.fixture(scope="session")
def url(stack: PrivateStack) -> Door:
    """The first door, where it does not matter which."""
    return through("gateway", stack)


@pytest.fixture(scope="session")
def owner(stack: PrivateStack, url: Door) -> Person:
    """The user that the system was started with."""
    email, password = stack.user.email, stack.user.password
    return Person(email, password, web.login(url("login"), email, password))


@pytest.fixture
def stranger(stack: PrivateStack, url: Door) -> Person:
    """Somebody who has just signed up."""
    email, password = f"{secrets.token_hex(6)}@example.org", secrets.token_urlsafe(12)
    stack.add_user(email, password)
    return Person(email, password, web.login(url("login"), email, password))


@pytest.fixture(scope="session")
def inspector(stack: PrivateStack) -> Iterator[Inspector]:
    """A look into the database."""
    found = Inspector.of(stack.mongodb_url, stack.mongodb_database)
    yield found
    found.close()


@pytest.fixture(scope="session")
def mailbox(stack: PrivateStack) -> Mailbox:
    """A look into the mails."""
    return Mailbox(stack.mailbox)


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where a session keeps the videos it has made."""
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="session")
def video(videos: Path) -> Path:
    """Three seconds of 440 Hz."""
    return tone_video(videos)


@pytest.fixture
def filename() -> str:
    """A name that no other upload has."""
    return f"{secrets.token_hex(8)}.mp4"


@pytest.fixture
def nothing_stored(inspector: Inspector, filename: str) -> Callable[[], None]:
    """A check that an upload of this name left nothing: no file, no chunk, no job but an aborted one."""
    before = inspector.stored("videos")

    def check() -> None:
        assert inspector.stored("videos") == before
        assert {job["state"] for job in inspector.jobs_named(filename)} <= {"aborted"}
        until_gone(lambda: inspector.orphans("videos"), "chunks without a file")

    return check


@pytest.fixture
def no_connector(stack: PrivateStack) -> Iterator[Callable[[], None]]:
    """A system in which nothing is delivered, nor swept, until the function that this yields is called."""
    stack.stop("connector")
    running = False

    def start() -> None:
        nonlocal running
        if not running:
            stack.start("connector")
            running = True

    try:
        yield start
    finally:
        start()


@pytest.fixture
def queues(stack: PrivateStack) -> Iterator[Queues]:
    """The system's queues, with no dead letter in them before and after."""
    found = Queues(stack.rabbitmq_url)
    found.empty("videos.dead", "mp3s.dead")
    yield found
    found.empty("videos.dead", "mp3s.dead")


@pytest.fixture
def operator(stack: PrivateStack) -> Operator:
    """Somebody at this system's command line."""
    return Operator(stack.home)


@pytest.fixture
def jobs(stack: PrivateStack) -> Iterator[Jobs]:
    """The job documents, changed as the functions change them."""
    client: pymongo.MongoClient[Document] = pymongo.MongoClient(stack.mongodb_url, tz_aware=True)
    with client:
        periods = load(Periods, SHORT_PERIODS)
        yield Jobs(client[stack.mongodb_database]["jobs"], lambda: datetime.now(UTC), periods)


@pytest.fixture(scope="module", autouse=True)
def leaves_nothing(stack: PrivateStack, inspector: Inspector, mailbox: Mailbox) -> Iterator[None]:
    """After each file of tests: no chunk without a file, no job without an end, no temporary file, no lone process."""
    before = set(leftovers(stack, inspector))
    yield
    until_gone(lambda: set(leftovers(stack, inspector)) - before, "all that has ended", CLEAN_SECONDS)
    # What is looked for later is looked for in everything stored: the less there is, the sooner it is found.
    inspector.forget_ended()
    mailbox.clear()
