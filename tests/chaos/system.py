"""A private system for fault tests: every connection to a backend passes through a proxy that can fail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.proxy import HOST, Proxy
from tests.clients import web
from tests.clients.database import ENDED, Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import until_gone
from tests.local.private import PrivateStack, private_stack
from tests.media.another import another_file
from tests.unit.backends.receiver import Receiver, receiver

# Short enough to wait for, and long enough that no step outlasts its lease on a slow machine.
PERIODS = {
    "MONGODB_TIMEOUT_SECONDS": "4",
    "MYSQL_TIMEOUT_SECONDS": "3",
    "SMTP_TIMEOUT_SECONDS": "15",
    "SMTP_FINAL_TIMEOUT_SECONDS": "15",
    "MAIL_LEASE_SECONDS": "20",
    "MAIL_UNKNOWN_SECONDS": "25",
    "WEBHOOK_LEASE_SECONDS": "20",
    "ANNOUNCE_GAP_SECONDS": "1",
    "ANNOUNCE_GAP_MAX_SECONDS": "4",
    "UPLOAD_TIMEOUT_SECONDS": "20",
    "CONVERT_TIMEOUT_SECONDS": "30",
    # One user sends everything.
    "QUOTA_JOBS_AT_ONCE": "0",
    "QUOTA_JOBS_A_DAY": "0",
    "QUOTA_BYTES": "0",
    "QUOTA_CONVERSION_SECONDS_A_DAY": "0",
}
# The secret files that hold each backend's URL.
URL_FILES = {
    "mongodb": ("mongodb_url",),
    "rabbitmq": ("rabbitmq_functions_url", "rabbitmq_connector_url"),
    "mysql": ("mysql_url", "mysql_reader_url", "mysql_sweep_url"),
    "smtp": ("smtp_url",),
}
SETTLE_SECONDS = 120.0


@dataclass(frozen=True)
class Owner:
    """The user who uploads the videos."""

    email: str
    password: str
    token: str


@dataclass(frozen=True)
class ProxiedSystem:
    """A running system, with a proxy before each backend."""

    stack: PrivateStack
    proxies: dict[str, Proxy]
    inspector: Inspector
    mailbox: Mailbox
    owner: Owner
    receiver: Receiver  # of webhooks

    def url(self, name: str) -> str:
        """Return a function's URL."""
        return f"{self.stack.gateway}/{name}"

    def upload(self, path: Path, filename: str | None = None) -> str:
        """Upload a video like this that must be accepted, and return its id."""
        return web.uploaded(self.url("upload"), self.owner.token, another_file(path), filename)

    def recover(self) -> None:
        """End all faults, and wait until every process is healthy."""
        for proxy in self.proxies.values():
            proxy.heal()
        self.stack.revive()

    def story(self, fid: str) -> str:
        """Return a job and what the functions have logged about it, to explain a failed test."""
        logged = (line for name in self.stack.functions for line in self.stack.log(name).splitlines() if fid in line)
        return "\n".join([str(self.inspector.job(fid)), *logged])

    def settle(self, timeout: float = SETTLE_SECONDS) -> None:
        """End all faults, and wait until every job has ended, its mail is sent and its files are cleaned up.

        Sweep's last check of a job's files, long after its end, is not waited for.
        """
        deadline = time.monotonic() + timeout
        self.recover()
        until_gone(self._unsettled, "all work", max(0.0, deadline - time.monotonic()))

    def _unsettled(self) -> list[dict[str, Any]]:
        shown = {
            "state": 1,
            "mail": 1,
            "webhook": 1,
            "cleanup": 1,
            "attempts": 1,
            "retry_at": 1,
            "lease": 1,
            "filename": 1,
        }
        unsettled = {
            "$or": [
                {"state": {"$nin": [*ENDED, "deleting"]}},
                {"state": {"$in": ["done", "failed"]}, "mail.state": {"$in": ["none", "claimed", "handing_over"]}},
                {"state": {"$in": ["done", "failed"]}, "webhook.state": {"$in": ["none", "claimed"]}},
                {"cleanup": {"$exists": True}},
            ]
        }
        return [job for job in self.inspector.database.jobs.find(unsettled, shown) if not _cleaned(job)]


def _cleaned(job: dict[str, Any]) -> bool:
    """Tell whether only sweep's last check of the job's files is left."""
    cleanup = job.get("cleanup")
    if cleanup is None or cleanup.get("at") != cleanup["until"]:
        return False
    if job["state"] in ("aborted", "deleting"):
        return True
    told = job.get("webhook", {}).get("state") not in ("none", "claimed")
    return told and job["mail"]["state"] in ("sent", "unknown", "failed")


def no_preparation(stack: PrivateStack) -> None:
    """Prepare nothing."""


@contextmanager
def start_system(
    settings: Mapping[str, str] | None = None, prepare: Callable[[PrivateStack], None] = no_preparation
) -> Iterator[ProxiedSystem]:
    """Yield a system with proxies before its backends; all of it ends with this block.

    `prepare` is called before anything is started.
    """
    with private_stack(**{**PERIODS, **(settings or {})}) as stack, ExitStack() as open_ones:
        prepare(stack)
        proxies = {name: open_ones.enter_context(closing(_put_proxy_before(stack, name))) for name in URL_FILES}
        stack.need_all()
        inspector = open_ones.enter_context(closing(Inspector.of(stack.mongodb_url, stack.mongodb_database)))
        email, password = stack.user.email, stack.user.password
        token = web.login(f"{stack.gateway}/login", email, password)
        hooks = open_ones.enter_context(receiver())
        yield ProxiedSystem(stack, proxies, inspector, Mailbox(stack.mailbox), Owner(email, password, token), hooks)


def _put_proxy_before(stack: PrivateStack, backend: str) -> Proxy:
    """Put a proxy before a backend, by changing its URL in the secret files."""
    files = [stack.secret_file(name) for name in URL_FILES[backend]]
    port = urlsplit(files[0].read_text()).port
    assert port, files[0]
    proxy = Proxy((HOST, port))
    for file in files:
        direct, through = f"{HOST}:{port}", f"{HOST}:{proxy.port}"
        url = file.read_text()
        assert url.count(direct) == 1, file
        file.write_text(url.replace(direct, through))
    return proxy
