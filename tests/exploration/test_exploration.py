"""Crashes, and events that are lost, repeated or late: nothing is lost, and no mail is sent twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from tests.exploration.exploration import (
    READY_WORLD,
    Check,
    Result,
    asking_world,
    counted_world,
    done_world,
    explore,
    failed_world,
    mail_violation,
    one_job_setup,
    webhook_violation,
    webhooks_at_most,
)
from tests.exploration.explorer import Explorer

MAILS: list[Check] = [mail_violation]
WEBHOOKS: list[Check] = [webhook_violation]
MAX_SECONDS = 3600

# The processes that may run at a time, the number of faults, the initial world, and additional checks.
EXPLORATIONS: dict[str, tuple[tuple[Any, ...], list[Check]]] = {
    "upload, convert and sweep, one fault": ((("upload", "convert", "sweep"), 1), []),
    "a converter and a notifier": ((("convert", "notify", "sweep"), 0, READY_WORLD), MAILS),
    "two converters, one fault": ((("convert", "convert", "sweep"), 1, READY_WORLD), []),
    "two notifiers, one fault": ((("notify", "notify", "sweep"), 1, done_world()), MAILS),
    "a notifier that stops": ((("notify", "stopped notify", "sweep"), 0, failed_world()), MAILS),
    "deleted while it is uploaded, one fault": ((("upload", "delete", "sweep"), 1), []),
    "deleted while it is converted": ((("convert", "delete", "sweep"), 0, READY_WORLD), []),
    "deleted while its mail is sent": ((("notify", "delete", "sweep"), 0, done_world()), MAILS),
    "deleted while it is retried, one fault": ((("retry", "delete", "sweep"), 1, failed_world()), []),
    "revoked twice, one fault": ((("revoke", "revoke", "sweep"), 1, done_world()), []),
    "revoked while its mail is sent": ((("revoke", "notify", "sweep"), 0, done_world()), MAILS),
    "revoked while it is deleted, one fault": ((("revoke", "delete", "sweep"), 1, done_world()), []),
    "retried, one fault": ((("retry", "convert", "sweep"), 1, failed_world()), []),
    "retried while its mail is sent, one fault": ((("retry", "notify", "sweep"), 1, failed_world()), MAILS),
    "changed while its mail is sent, one fault": ((("change", "notify", "sweep"), 1, done_world()), MAILS),
    "changed and done again": ((("change and convert", "notify", "sweep"), 0, done_world()), MAILS),
    "changed twice, one fault": ((("change", "retry", "sweep"), 1, failed_world()), []),
    "changed while it is deleted, one fault": ((("change", "delete", "sweep"), 1, done_world()), []),
    "changed as its video expires, one fault": ((("change", "sweep"), 1, done_world(2)), []),
    "changed as its MP3 expires, one fault": ((("change", "sweep"), 1, done_world(31)), []),
    "revoked while it is changed, one fault": ((("revoke", "change", "sweep"), 1, done_world()), []),
    "changed, and a count of its owner's jobs, one fault": (
        (("counted change", "count again", "sweep"), 1, counted_world(done_world())),
        [],
    ),
    "retried as its video expires, one fault": ((("retry", "sweep"), 1, failed_world(2)), []),
    "mailed as its MP3 expires": ((("notify", "sweep"), 0, done_world(31)), MAILS),
    "deleted as it expires, one fault": ((("delete", "sweep"), 1, done_world(100, kept=False)), []),
    "two posters": ((("post", "post", "sweep"), 0, asking_world()), [*WEBHOOKS, webhooks_at_most(1)]),
    # A fault that is one answer too few leads to one webhook more.
    "two posters, one fault": ((("post", "post", "sweep"), 1, asking_world()), [*WEBHOOKS, webhooks_at_most(2)]),
    "two late posters": ((("late post", "late post", "sweep"), 0, asking_world()), WEBHOOKS),
    "mail and webhook, one fault": (
        (("tell", "sweep"), 1, asking_world(mailed=False)),
        [*MAILS, *WEBHOOKS, webhooks_at_most(2)],
    ),
    "posted again while it is posted, one fault": ((("post again", "post", "sweep"), 1, asking_world()), WEBHOOKS),
    "posted again while it is deleted, one fault": ((("post again", "delete", "sweep"), 1, asking_world()), []),
    "retried while it is posted, one fault": ((("retry", "post", "sweep"), 1, asking_world(failed=True)), WEBHOOKS),
    "done again while mail and webhook are sent": (
        (("retry and convert", "tell", "sweep"), 0, asking_world(failed=True)),
        [*MAILS, *WEBHOOKS, webhooks_at_most(1)],
    ),
    "two posters whom the account says where to, one fault": (
        (("post", "post", "sweep"), 1, asking_world(account=True)),
        [*WEBHOOKS, webhooks_at_most(2)],
    ),
    "posted while the account is closed, one fault": (
        (("close", "post", "sweep"), 1, asking_world(account=True)),
        [*WEBHOOKS, webhooks_at_most(2)],
    ),
    "posted again while the account is closed, one fault": (
        (("close", "post again", "post", "sweep"), 1, asking_world(account=True)),
        WEBHOOKS,
    ),
    "posted for an account that is closed, one fault": (
        (("post", "post", "sweep"), 1, asking_world(account=True)._replace(closed=True)),
        [*WEBHOOKS, webhooks_at_most(0)],
    ),
    "retried while it is posted where the account says": (
        (("retry and convert", "tell", "sweep"), 0, asking_world(failed=True, account=True)),
        [*MAILS, *WEBHOOKS, webhooks_at_most(1)],
    ),
    "an upload and a count of its owner's jobs, one fault": ((("counted upload", "count again", "sweep"), 1), []),
    "a conversion and a count of its owner's jobs, one fault": (
        (("counted convert", "count again", "sweep"), 1, counted_world()),
        [],
    ),
}


def run(name: str) -> Result:
    """Run one exploration."""
    where, checks = EXPLORATIONS[name]
    with one_job_setup():
        return explore(Explorer(*where), *checks)


@pytest.mark.parametrize("name", EXPLORATIONS)
def test_nothing_is_lost_or_duplicated(
    name: str, results: dict[str, Future[Result]], record_property: Callable[[str, object], None]
) -> None:
    """Every reachable state satisfies the invariants, and so does the world after it has settled."""
    states, violation = results[name].result(MAX_SECONDS)
    record_property("states", states)
    print(f"\n{name}: {states:,} states")
    assert violation is None, violation
    assert states > 100
