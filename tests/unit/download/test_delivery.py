"""Delivery: who gets an MP3, the errors for others, and responses that take too long."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from functions.backends.files import MP3S
from functions.common import errors, transitions
from functions.common.errors import Failure
from functions.common.values import Document
from functions.download import delivery
from tests.integration import states
from tests.unit.in_memory import System


@pytest.fixture
def system() -> System:
    return System()


def failure_of(job: Document | None, system: System) -> Failure:
    """Return why a job's MP3 is not delivered."""
    with pytest.raises(Failure) as failure:
        delivery.open_mp3(job, system.files)
    return failure.value


def test_a_finished_job_delivers_its_file(system: System) -> None:
    job_id = states.done(system.sweeper)
    states.store(system.sweeper, MP3S, f"{job_id}.2")
    reader = delivery.open_mp3(system.jobs.find(job_id), system.files)
    assert b"".join(reader.blocks()) == b"bytes"
    assert reader._entry["_id"] == f"{job_id}.1"


@pytest.mark.parametrize(
    ("make", "state"), [(states.received, "uploading"), (states.ready, "queued"), (states.converting, "converting")]
)
def test_an_unfinished_job_returns_its_state(make: Any, state: str, system: System) -> None:
    """An MP3 that a conversion has stored is not delivered before the job names it."""
    failure = failure_of(system.jobs.find(make(system.sweeper)), system)
    assert (failure.kind, failure.more) == (errors.NOT_READY, {"state": state})
    assert failure.headers == {"Retry-After": "2"}


def test_an_aborted_upload_is_unknown(system: System) -> None:
    job_id = states.received(system.sweeper)
    states.take(system.sweeper, transitions.ABORT, job_id, epoch=0)
    assert failure_of(system.jobs.find(job_id), system).kind is errors.NOT_FOUND
    assert failure_of(None, system).kind is errors.NOT_FOUND


@pytest.mark.attack("D7")
def test_a_failed_job_returns_its_error(system: System) -> None:
    job_id = states.converting(system.sweeper)
    reason = {"code": "no_audio", "title": "The video has no sound track."}
    states.take(system.sweeper, transitions.FAIL, job_id, epoch=1, error=reason)
    assert failure_of(system.jobs.find(job_id), system).kind == errors.NO_AUDIO


@pytest.mark.attack("D7")
def test_an_expired_mp3_is_gone_even_if_its_file_exists(system: System) -> None:
    job_id = states.done(system.sweeper)
    system.clock.advance(days=states.PERIODS.mp3_keep_days)
    states.take(system.sweeper, transitions.EXPIRE_MP3, job_id, epoch=1)
    assert system.files.read(MP3S, f"{job_id}.1")
    assert failure_of(system.jobs.find(job_id), system).kind is errors.EXPIRED


def test_a_missing_file_is_unavailable(system: System) -> None:
    job_id = states.done(system.sweeper)
    system.files.delete(MP3S, f"{job_id}.1")
    assert failure_of(system.jobs.find(job_id), system).kind is errors.UNAVAILABLE


def test_an_unreadable_file_fails_before_the_response_starts() -> None:
    def broken() -> Iterator[bytes]:
        raise Failure(errors.UNAVAILABLE)
        yield b""

    with pytest.raises(Failure):
        delivery.started(broken(), 10.0)


def test_one_block_is_read_ahead_and_no_more() -> None:
    read: list[int] = []

    def blocks() -> Iterator[bytes]:
        for number in range(3):
            read.append(number)
            yield b"%d" % number

    begun = delivery.started(blocks(), 10.0)
    assert read == [0]
    assert list(begun) == [b"0", b"1", b"2"]


def test_an_empty_file_is_an_empty_response() -> None:
    assert b"".join(delivery.started(iter([]), 10.0)) == b""


@pytest.mark.parametrize(
    ("blocks", "is_one"),
    [
        ([b"\xff\xd8\xff\xe0..", b"more"], True),
        ([b"\xff", b"\xd8\xff"], True),
        ([b"\x89PNG\r\n\x1a\n"], False),
        ([b"<svg/>"], False),
        ([b"\xff\xfb\x90\0"], False),
        ([b""], False),
        ([], False),
    ],
)
def test_only_a_jpeg_is_sent_as_one(blocks: list[bytes], is_one: bool) -> None:
    if is_one:
        assert list(delivery.jpeg(iter(blocks))) == blocks
        return
    with pytest.raises(Failure) as failure:
        delivery.jpeg(iter(blocks))
    assert failure.value.kind is errors.NO_COVER


def test_a_response_is_cut_off_at_its_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The declared length tells the reader that the response is incomplete."""
    clock = SimpleNamespace(monotonic=iter([5.0, 14.0, 15.0, 15.1]).__next__)
    monkeypatch.setattr(delivery, "time", clock)
    blocks = delivery.started(iter([b"1", b"2", b"3", b"4"]), 10.0)
    assert (next(blocks), next(blocks)) == (b"1", b"2")
    with pytest.raises(Failure) as failure:
        next(blocks)
    assert failure.value.kind is errors.UNAVAILABLE
