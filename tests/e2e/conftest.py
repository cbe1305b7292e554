"""Shared by the end-to-end tests: users, routes, videos, and the check that nothing is left behind."""

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
from functions.common.values import Document
from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.operator import Operator
from tests.clients.waiting import until_gone
from tests.connector.queues import Queues
from tests.e2e.leftovers import leftovers
from tests.local.private import SHORT_PERIODS, PrivateStack
from tests.media.another import another_file
from tests.media.videos import tone_video

CLEAN_SECONDS = 45
ROUTES = ("gateway", "openfaas", "own port")

Urls = Callable[[str], str]


@dataclass(frozen=True)
class Person:
    """A user with an account."""

    email: str
    password: str
    token: str


def through(route: str, stack: PrivateStack) -> Urls:
    """Return the URLs of functions through one of the three routes."""
    if route == "gateway":
        return lambda name: f"{stack.gateway}/{name}"
    if route == "openfaas":
        return lambda name: f"{stack.gateway}/function/{name}"
    return lambda name: stack.functions[name]


@pytest.fixture(params=ROUTES)
def route(request: pytest.FixtureRequest, stack: PrivateStack) -> Urls:
    """Each of the routes in turn."""
    return through(request.param, stack)


@pytest.fixture(scope="session")
def url(stack: PrivateStack) -> Urls:
    """The first route, where it does not matter which."""
    return through("gateway", stack)


@pytest.fixture(scope="session")
def owner(stack: PrivateStack, url: Urls) -> Person:
    """The user that the system was started with."""
    email, password = stack.user.email, stack.user.password
    return Person(email, password, web.login(url("login"), email, password))


@pytest.fixture
def other_user(stack: PrivateStack, url: Urls) -> Person:
    """A user who has just signed up."""
    return signed_up(stack, url)


@pytest.fixture
def third_user(stack: PrivateStack, url: Urls) -> Person:
    """Another one, of whom no other test has used anything."""
    return signed_up(stack, url)


def signed_up(stack: PrivateStack, url: Urls) -> Person:
    """Add a user, and log in."""
    email, password = f"{secrets.token_hex(6)}@example.org", secrets.token_urlsafe(12)
    stack.add_user(email, password)
    return Person(email, password, web.login(url("login"), email, password))


@pytest.fixture(scope="session")
def inspector(stack: PrivateStack) -> Iterator[Inspector]:
    """The database."""
    found = Inspector.of(stack.mongodb_url, stack.mongodb_database)
    yield found
    found.close()


@pytest.fixture(scope="session")
def mailbox(stack: PrivateStack) -> Mailbox:
    """The mailbox."""
    return Mailbox(stack.mailbox)


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where a session keeps the videos it has made."""
    return tmp_path_factory.mktemp("videos")


@pytest.fixture
def video(videos: Path) -> Path:
    """Three seconds of 440 Hz, in a file that nobody has sent yet."""
    return another_file(tone_video(videos))


@pytest.fixture
def filename() -> str:
    """A unique file name."""
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
    """A system without a connector (no deliveries, no sweeps) until the yielded function is called."""
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
    """The system's queues, without dead letters before and after."""
    found = Queues(stack.rabbitmq_url)
    found.empty("videos.dead", "mp3s.dead")
    yield found
    found.empty("videos.dead", "mp3s.dead")


@pytest.fixture
def operator(stack: PrivateStack) -> Operator:
    """The command line of this system's operator."""
    return Operator(stack.home)


@pytest.fixture
def jobs(stack: PrivateStack) -> Iterator[Jobs]:
    """The job documents, changed the way the functions change them."""
    client: pymongo.MongoClient[Document] = pymongo.MongoClient(stack.mongodb_url, tz_aware=True)
    with client:
        periods = load(Periods, SHORT_PERIODS)
        yield Jobs(client[stack.mongodb_database]["jobs"], lambda: datetime.now(UTC), periods)


@pytest.fixture(scope="module", autouse=True)
def leaves_nothing(stack: PrivateStack, inspector: Inspector, mailbox: Mailbox) -> Iterator[None]:
    """After each file of tests: no chunk without a file, no unfinished job, no temporary file, no orphaned process."""
    before = set(leftovers(stack, inspector))
    yield
    until_gone(lambda: set(leftovers(stack, inspector)) - before, "leftovers", CLEAN_SECONDS)
    # Later checks read everything stored: the less there is, the faster they are.
    inspector.forget_ended()
    mailbox.clear()
