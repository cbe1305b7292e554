"""The system under test: a remote one from the environment, or the tests' private one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients import web
from tests.clients.mailbox import Mailbox
from tests.clients.mailpit import Mailpit
from tests.clients.waiting import until
from tests.local.private import PrivateStack
from tests.media.videos import tone_video

# A cluster may have to start every function first.
SECONDS = 300.0


@dataclass(frozen=True)
class System:
    """A user's view of a system: its URLs, an account, and the mailbox."""

    url: str
    email: str
    password: str
    mails: Mailbox | Mailpit

    def function_url(self, function: str) -> str:
        """Return a function's URL."""
        return self.url.format(function=function)

    def token(self) -> str:
        """Log in."""
        return web.login(self.function_url("login"), self.email, self.password)

    def mp3(self, token: str, fid: str) -> web.Answer:
        """Wait for the MP3 by requesting it, like a user."""

        def ready() -> web.Answer | None:
            answer = web.download(self.function_url("download"), token, fid)
            return None if answer.status == 409 else answer

        return until(ready, f"the MP3 of {fid}", SECONDS)


@contextmanager
def remote_system() -> Iterator[System]:
    """Yield the system named by the environment."""
    names = ("SYSTEM_URL", "SYSTEM_USER", "SYSTEM_PASSWORD", "SYSTEM_MAILPIT")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        pytest.fail(f"SYSTEM_URL is set, so {', '.join(missing)} must be set too.")
    url, email, password, mailpit = (os.environ[name] for name in names)
    yield System(url, email, password, Mailpit(mailpit))


@pytest.fixture(scope="session")
def system(request: pytest.FixtureRequest) -> Iterator[System]:
    """The system under test."""
    if "SYSTEM_URL" in os.environ:
        with remote_system() as found:
            yield found
        return
    stack: PrivateStack = request.getfixturevalue("stack")
    yield System(f"{stack.gateway}/{{function}}", stack.user.email, stack.user.password, Mailbox(stack.mailbox))


@pytest.fixture(scope="session")
def token(system: System) -> str:
    """The owner's token."""
    return system.token()


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of 440 Hz."""
    return tone_video(tmp_path_factory.mktemp("videos"))
