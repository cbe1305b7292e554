"""Cleaning: which files of an ended job are deleted, when, and what remains after an interruption."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import pytest

from functions.backends.files import MP3S, VIDEOS, Files
from functions.common import errors, metrics, transitions
from functions.common.errors import Failure
from functions.common.values import Document
from functions.sweep import cleaning
from functions.sweep.sweeper import Sweeper
from tests.integration import states
from tests.integration.states import PERIODS
from tests.unit.in_memory import System


class RecordingFiles(Files):
    """Files that record deletions; some deletions fail, and the process may crash at one."""

    def __init__(self, files: Files) -> None:
        super().__init__(files._database)
        self.deleted: list[tuple[str, tuple[str, ...]]] = []
        self.stuck: set[str] = set()
        self.deadly = ""

    def delete(self, bucket: str, *file_ids: str) -> None:
        """Delete files."""
        if self.deadly == bucket:
            raise SystemExit
        if self.stuck & set(file_ids):
            raise Failure(errors.UNAVAILABLE) from OSError("no answer")
        self.deleted.append((bucket, file_ids))
        super().delete(bucket, *file_ids)


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
def files(system: System) -> RecordingFiles:
    return RecordingFiles(system.files)


@pytest.fixture
def sweeper(system: System, files: RecordingFiles) -> Sweeper:
    return dataclasses.replace(system.sweeper, files=files)


def cleaned(system: System, sweeper: Sweeper, *job_ids: str) -> dict[str, int]:
    """Clean these jobs, whether they are due or not; return the counts."""
    sweeper.counts.clear()
    cleaning.clean(sweeper, iter([system.document(job_id) for job_id in job_ids]))
    return dict(sweeper.counts)


def with_orphans(system: System, job_id: str, epoch: int = 3) -> str:
    """Store an MP3 for each epoch of a job up to this one, as overtaken converters leave them."""
    for number in range(1, epoch + 1):
        if system.files.read(MP3S, f"{job_id}.{number}") is None:
            states.store(system.sweeper, MP3S, f"{job_id}.{number}")
    system.database["jobs"].documents[job_id]["epoch"] = epoch
    return job_id


def stored(system: System, job_id: str) -> set[str]:
    """Return which files of a job are left, complete or not: `video`, or the epoch of an MP3."""
    left = {file_id for ids in system.stored().values() for file_id in ids if file_id.startswith(job_id)}
    return {file_id.removeprefix(job_id).lstrip(".") or "video" for file_id in left}


@pytest.mark.parametrize(
    ("make", "kept"),
    [
        (states.finished, {"video", "1"}),
        (states.done, {"video", "1"}),
        (states.failed, {"video"}),
        (states.aborted, set()),
        (states.deleted, set()),
    ],
    ids=["finished", "done", "failed", "aborted", "deleted"],
)
def test_unnamed_files_are_deleted(
    make: Callable[[Sweeper], str], kept: set[str], system: System, sweeper: Sweeper
) -> None:
    """And no file of any other job."""
    job_id, other = with_orphans(system, make(sweeper)), with_orphans(system, make(sweeper))
    assert cleaned(system, sweeper, job_id) == {"clean_again": 1}
    assert stored(system, job_id) == kept
    assert stored(system, other) == {"video", "1", "2", "3"}


def test_chunks_without_an_entry_are_deleted_too(system: System, sweeper: Sweeper) -> None:
    """The upload was interrupted."""
    job_id = states.aborted(sweeper)
    system.database["videos.files"].documents.clear()
    assert stored(system, job_id) == {"video"}
    cleaned(system, sweeper, job_id)
    assert stored(system, job_id) == set()


def test_an_epoch_after_the_jobs_own_is_not_touched(system: System, sweeper: Sweeper) -> None:
    """It belongs to a converter that has claimed the job since it was read."""
    job_id = states.failed(sweeper)
    read = system.document(job_id)
    states.store(sweeper, MP3S, f"{job_id}.2")
    cleaning.clean(sweeper, iter([read]))
    assert stored(system, job_id) == {"video", "2"}


@pytest.mark.parametrize("epoch", [499, 500, 501, 1000, 1203])
def test_many_epochs_are_deleted_in_batches(
    epoch: int, system: System, sweeper: Sweeper, files: RecordingFiles
) -> None:
    """Each once, and never the one in the job's document."""
    job_id = states.done(sweeper)
    document = system.database["jobs"].documents[job_id]
    document["epoch"], document["mp3"]["file_id"] = epoch, f"{job_id}.{epoch - 1}"
    cleaned(system, sweeper, job_id)
    assert {bucket for bucket, _ in files.deleted} == {MP3S}
    assert max(len(file_ids) for _, file_ids in files.deleted) <= 500
    deleted = [file_id for _, file_ids in files.deleted for file_id in file_ids]
    assert deleted == [f"{job_id}.{number}" for number in range(1, epoch + 1) if number != epoch - 1]


def test_a_job_that_was_never_claimed_has_no_mp3s(system: System, sweeper: Sweeper, files: RecordingFiles) -> None:
    job_id = states.aborted(sweeper)
    cleaned(system, sweeper, job_id)
    assert files.deleted == [(VIDEOS, (job_id,))]


def test_the_only_mp3_is_kept(system: System, sweeper: Sweeper, files: RecordingFiles) -> None:
    cleaned(system, sweeper, states.done(sweeper))
    assert files.deleted == []


def test_an_expired_video_is_deleted(system: System, sweeper: Sweeper) -> None:
    job_id = states.done(sweeper)
    system.database["jobs"].documents[job_id]["video_expired_at"] = system.clock.now
    cleaned(system, sweeper, job_id)
    assert stored(system, job_id) == {"1"}


@pytest.mark.parametrize(("seconds", "kept"), [(0, True), (599, True), (600, False), (601, False)])
def test_an_expired_mp3_is_kept_while_a_download_may_run(
    seconds: float, kept: bool, system: System, sweeper: Sweeper
) -> None:
    """The longest download takes 600 seconds."""
    assert PERIODS.download_timeout == 600
    job_id = with_orphans(system, states.done(sweeper))
    system.database["jobs"].documents[job_id]["mp3"]["expired_at"] = system.clock.now
    system.clock.advance(seconds=seconds)
    cleaned(system, sweeper, job_id)
    assert stored(system, job_id) == ({"video", "1"} if kept else {"video"})


@pytest.mark.parametrize(
    ("make", "count", "kept"),
    [
        (states.done, "cleaned", {"video", "1"}),
        (states.failed, "cleaned", {"video"}),
        (states.aborted, "forget", set()),
        (states.deleted, "forget", set()),
    ],
    ids=["done", "failed", "aborted", "deleted"],
)
def test_a_job_is_cleaned_again_when_no_process_can_be_writing(
    make: Callable[[Sweeper], str], count: str, kept: set[str], system: System, sweeper: Sweeper
) -> None:
    """Kept jobs then need no more cleaning; of the others, the document is deleted last."""
    job_id = with_orphans(system, make(sweeper), 2)
    until = system.document(job_id)["cleanup"]["until"]
    assert cleaned(system, sweeper, job_id) == {"clean_again": 1}
    assert system.document(job_id)["cleanup"] == {"at": until, "until": until}
    states.store(sweeper, MP3S, f"{job_id}.2")  # by an overtaken converter
    assert cleaned(system, sweeper, job_id) == {count: 1}
    assert stored(system, job_id) == kept
    assert (job_id in system.database["jobs"].documents) == bool(kept)
    if kept:
        assert "cleanup" not in system.document(job_id)


def test_a_job_with_undeletable_files_is_postponed(
    system: System, sweeper: Sweeper, files: RecordingFiles, caplog: pytest.LogCaptureFixture
) -> None:
    """It must not block the others, and is not removed while a file may be left."""
    first, second = states.deleted(sweeper), states.deleted(sweeper)
    files.stuck = {f"{first}.2"}
    for job_id in (first, second):
        system.database["jobs"].documents[job_id]["cleanup"]["at"] = system.document(job_id)["cleanup"]["until"]
    assert cleaned(system, sweeper, first, second) == {"clean_later": 1, metrics.NOT_REPAIRED: 1, "forget": 1}
    cleanup = system.document(first)["cleanup"]
    assert cleanup["at"] == system.clock.now + timedelta(seconds=PERIODS.announce_gap)
    assert second not in system.database["jobs"].documents
    assert [vars(record)["job"] for record in caplog.records if record.levelname == "WARNING"] == [first]


def test_a_job_that_changed_meanwhile_is_not_postponed(system: System, sweeper: Sweeper, files: RecordingFiles) -> None:
    job_id = states.failed(sweeper)
    read = system.document(job_id)
    states.take(sweeper, transitions.RETRY, job_id, epoch=1, options={}, retries={}, former=None)
    after = system.document(job_id)
    files.stuck = {f"{job_id}.1"}
    cleaning.clean(sweeper, iter([read]))
    assert (system.document(job_id), dict(sweeper.counts)) == (after, {metrics.NOT_REPAIRED: 1})


@pytest.mark.parametrize("bucket", [VIDEOS, MP3S])
def test_after_a_crash_a_job_is_cleaned_from_the_start(
    bucket: str, system: System, sweeper: Sweeper, files: RecordingFiles
) -> None:
    job_id = states.deleted(sweeper)
    before = system.document(job_id)
    files.deadly = bucket
    with pytest.raises(SystemExit):
        cleaned(system, sweeper, job_id)
    assert system.document(job_id) == before
    files.deadly = ""
    assert cleaned(system, sweeper, job_id) == {"clean_again": 1}
    assert stored(system, job_id) == set()


def test_a_job_cleaned_by_another_sweeper_is_not_counted(system: System, sweeper: Sweeper) -> None:
    job_id = states.deleted(sweeper)
    system.database["jobs"].documents[job_id]["cleanup"]["at"] = system.document(job_id)["cleanup"]["until"]
    read: list[Document] = [system.document(job_id)] * 2
    cleaning.clean(sweeper, iter(read))
    assert dict(sweeper.counts) == {"forget": 1}
