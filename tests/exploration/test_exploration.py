"""Whatever crashes, is lost, comes twice or comes late: nothing is lost, and nobody gets two mails."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

import pytest

from tests.exploration.explorer import Explorer
from tests.exploration.exploring import (
    READY_WORLD,
    Check,
    Explored,
    done_world,
    explore,
    failed_world,
    one_job,
    wrong_with_mails,
)

MAILS: list[Check] = [wrong_with_mails]
MOST_SECONDS = 3600

# Which processes may run at a time, how many faults may come, where it begins, and what is checked besides.
EXPLORATIONS: dict[str, tuple[Explorer, list[Check]]] = {
    "upload, convert and sweep, one fault": (Explorer(("upload", "convert", "sweep"), 1), []),
    "a converter and a notifier": (Explorer(("convert", "notify", "sweep"), 0, READY_WORLD), MAILS),
    "two converters, one fault": (Explorer(("convert", "convert", "sweep"), 1, READY_WORLD), []),
    "two notifiers, one fault": (Explorer(("notify", "notify", "sweep"), 1, done_world()), MAILS),
    "a notifier that stops": (Explorer(("notify", "stopped notify", "sweep"), 0, failed_world()), MAILS),
    "deleted while it is uploaded, one fault": (Explorer(("upload", "delete", "sweep"), 1), []),
    "deleted while it is converted": (Explorer(("convert", "delete", "sweep"), 0, READY_WORLD), []),
    "deleted while its mail is sent": (Explorer(("notify", "delete", "sweep"), 0, done_world()), MAILS),
    "deleted while it is retried, one fault": (Explorer(("retry", "delete", "sweep"), 1, failed_world()), []),
    "retried, one fault": (Explorer(("retry", "convert", "sweep"), 1, failed_world()), []),
    "retried while its mail is sent, one fault": (Explorer(("retry", "notify", "sweep"), 1, failed_world()), MAILS),
    "done again while its mail is sent": (Explorer(("retry and convert", "notify", "sweep"), 0, failed_world()), MAILS),
    "retried as its video expires, one fault": (Explorer(("retry", "sweep"), 1, failed_world(2)), []),
    "mailed as its MP3 expires": (Explorer(("notify", "sweep"), 0, done_world(31)), MAILS),
    "deleted as it expires, one fault": (Explorer(("delete", "sweep"), 1, done_world(100, kept=False)), []),
}


def run(name: str) -> Explored:
    """Explore."""
    explorer, checks = EXPLORATIONS[name]
    with one_job():
        return explore(explorer, *checks)


@pytest.mark.parametrize("name", EXPLORATIONS)
def test_nothing_is_lost_and_nothing_comes_twice(
    name: str, explored: dict[str, Future[Explored]], record_property: Callable[[str, object], None]
) -> None:
    """Every reachable state is right, and settles into a right end."""
    states, wrong = explored[name].result(MOST_SECONDS)
    record_property("states", states)
    print(f"\n{name}: {states:,} states")
    assert wrong is None, wrong
    assert states > 100
