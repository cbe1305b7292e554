"""Intake: a video is stored with its job, or nothing of it is left; unknown outcomes are left to sweep."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace

import pytest

from functions.backends import files as gridfs
from functions.backends.files import Files
from functions.backends.jobs import Jobs
from functions.common import containers, errors, transitions
from functions.common.bearer import Bearer
from functions.common.config import load
from functions.common.errors import Failure
from functions.common.settings import Quotas, WebhookTargets
from functions.common.values import Document
from functions.upload import admission, intake
from functions.upload.admission import Stores
from functions.upload.body import RawOptions, Video
from tests.exploration.processes import MP4
from tests.integration.states import PERIODS
from tests.unit.in_memory import System, UnreliableCollection

BEARER = Bearer("7", "ada@example.org")
TARGETS = load(WebhookTargets, {})
LIMITS = load(Quotas, {})
CHUNK = 1000
CONTENT = MP4 + bytes(range(256)) * 20


@pytest.fixture
def collection() -> UnreliableCollection:
    return UnreliableCollection()


@pytest.fixture
def system(collection: UnreliableCollection, monkeypatch: pytest.MonkeyPatch) -> System:
    """A system with small chunks, whose clock is also the process's clock."""
    monkeypatch.setattr(gridfs, "CHUNK_BYTES", CHUNK)
    made = System(collection=collection)
    begin = made.clock.now

    clock = SimpleNamespace(monotonic=lambda: (made.clock.now - begin).total_seconds())
    monkeypatch.setattr(intake, "time", clock)
    return made


def take(system: System, blocks: Iterator[bytes], given: RawOptions | None = None) -> Document:
    """Store a video."""
    video = Video("a.mp4", blocks, TARGETS, [] if given is None else given)
    stores = Stores(system.jobs, system.files, system.usage, system.keys)
    with admission.admitted(BEARER.user, 0, None, LIMITS, stores) as admitted:
        return intake.store(video, admitted, BEARER, None, jobs=system.jobs, files=system.files)


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    """Yield content in pieces."""
    return (content[start : start + size] for start in range(0, len(content), size))


def refused(system: System, blocks: Iterator[bytes], given: RawOptions | None = None) -> errors.Kind:
    """Return why a video was refused."""
    with pytest.raises(Failure) as failure:
        take(system, blocks, given)
    return failure.value.kind


def only_job(system: System) -> Document:
    """Return the one document."""
    [job] = system.database["jobs"].documents.values()
    return job


def is_empty(system: System) -> bool:
    """Tell whether no file or chunk is stored."""
    return not any(system.stored().values())


@pytest.mark.parametrize("size", [1, 4095, 4096, 100_000])
def test_a_video_is_stored_with_its_job(size: int, system: System) -> None:
    """However the bytes arrive, none is lost between the inspected first ones and the rest."""
    job = take(system, pieces(CONTENT, size), [("bitrate", "128")])
    assert (job["state"], job["size"], job["sha256"]) == ("ready", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert (job["owner"], job["email"], job["filename"]) == ("7", "ada@example.org", "a.mp4")
    assert job["options"] == {"bitrate": 128}
    reader = system.files.read("videos", job["_id"])
    assert reader is not None
    assert b"".join(reader.blocks()) == CONTENT
    assert only_job(system) == job


def test_options_after_the_file_count(system: System) -> None:
    given: RawOptions = []

    def blocks() -> Iterator[bytes]:
        yield CONTENT
        given.append(("quality", "4"))

    assert take(system, blocks(), given)["options"] == {"quality": 4}


def test_a_webhook_is_stored_with_its_job(system: System) -> None:
    """It waits for the end of the job, also without an address; jobs that shall have none have no field for it."""
    url = "https://example.org/hook"
    job = take(system, iter([CONTENT]), [("webhook", url), ("quality", "4")])
    assert job["options"] == {"quality": 4}
    assert job["webhook"] == {"url": url, "state": "none", "attempts": 0}
    assert take(system, iter([CONTENT]))["webhook"] == {"state": "none", "attempts": 0}
    assert "webhook" not in take(system, iter([CONTENT]), [("webhook", "")])


def test_a_wrong_option_after_the_file_leaves_nothing(system: System) -> None:
    given: RawOptions = []

    def blocks() -> Iterator[bytes]:
        yield CONTENT
        given.append(("quality", "10"))

    assert refused(system, blocks(), given) is errors.INVALID_OPTION
    assert only_job(system)["state"] == "aborted"
    assert is_empty(system)


@pytest.mark.parametrize("blocks", [[], [b""], [b"", b""]])
def test_an_empty_file_gets_no_job(blocks: list[bytes], system: System) -> None:
    assert refused(system, iter(blocks)) is errors.EMPTY_FILE
    assert not system.database["jobs"].documents


def test_a_file_that_is_not_media_gets_no_job(system: System) -> None:
    blocks = pieces(b"some text\n" * 10_000, 1000)
    assert refused(system, blocks) is errors.NOT_MEDIA
    assert not system.database["jobs"].documents
    assert sum(map(len, blocks)) == 100_000 - 9 * 1000, "nine blocks hold the first bytes"
    assert containers.HEAD_BYTES == 8192


def test_an_interrupted_body_leaves_nothing(system: System) -> None:
    """Chunks that were already written are deleted; sweep checks once more."""

    def blocks() -> Iterator[bytes]:
        yield CONTENT
        assert system.stored()["videos.chunks"], "chunks are written on the way"
        raise Failure(errors.INCOMPLETE_BODY)

    assert refused(system, blocks()) is errors.INCOMPLETE_BODY
    job = only_job(system)
    assert (job["state"], job["cleanup"].keys()) == ("aborted", {"at", "until"})
    assert is_empty(system)


def test_a_terminated_process_leaves_nothing(system: System) -> None:
    """The exceptions that end a process are not subclasses of Exception."""

    def blocks() -> Iterator[bytes]:
        yield CONTENT
        raise SystemExit

    with pytest.raises(SystemExit):
        take(system, blocks())
    assert only_job(system)["state"] == "aborted"
    assert is_empty(system)


def test_the_lease_is_renewed_as_bytes_arrive(system: System) -> None:
    """Once a third of it has passed, and not before."""
    lease = timedelta(seconds=PERIODS.upload_lease)
    ends = []

    def blocks() -> Iterator[bytes]:
        yield CONTENT
        for _ in range(6):
            ends.append(only_job(system)["lease"]["until"] - begin)
            system.clock.advance(seconds=PERIODS.upload_lease / 5)
            yield b"more"
        ends.append(only_job(system)["lease"]["until"] - begin)

    begin = system.clock.now
    take(system, blocks())
    fifth = lease / 5
    assert ends == [lease, lease, lease + 2 * fifth, lease + 2 * fifth, *[lease + 4 * fifth] * 2, lease + 6 * fifth]


def test_the_lease_never_outlasts_the_longest_upload(system: System) -> None:
    begin = system.clock.now
    ends = []

    def blocks() -> Iterator[bytes]:
        yield CONTENT
        for seconds in (30, PERIODS.upload_timeout - 60, 29):
            system.clock.advance(seconds=seconds)
            yield b"more"
            ends.append((only_job(system)["lease"]["until"] - begin).total_seconds())

    take(system, blocks())
    assert ends == [90, PERIODS.upload_timeout, PERIODS.upload_timeout]


@pytest.mark.parametrize("row", [transitions.ABANDON, transitions.DELETE], ids=lambda row: str(row.name))
@pytest.mark.parametrize("more", [True, False], ids=["more to come", "all read"])
def test_an_upload_whose_job_is_lost_is_refused(more: bool, row: transitions.Transition, system: System) -> None:
    """Sweep ended it, or its owner deleted it: noticed at the next renewal, or at the end."""

    def blocks() -> Iterator[bytes]:
        yield CONTENT
        system.clock.advance(seconds=PERIODS.upload_lease)
        assert system.jobs.apply(row, only_job(system)["_id"], epoch=0)
        yield from [b"more"] * more
        assert not more, "nothing is read after that"

    assert refused(system, blocks()) is errors.UNAVAILABLE
    assert only_job(system)["state"] == row.target
    assert is_empty(system)


def test_a_job_without_a_document_leaves_no_file(system: System) -> None:
    def blocks() -> Iterator[bytes]:
        yield CONTENT
        system.database["jobs"].documents.clear()

    assert refused(system, blocks()) is errors.UNAVAILABLE
    assert is_empty(system)


def claimed_by_convert(system: System) -> None:
    assert system.jobs.apply(transitions.CLAIM, only_job(system)["_id"], epoch=0, holder="h")


def test_after_a_lost_answer_the_job_is_read(system: System, collection: UnreliableCollection) -> None:
    """The job was accepted and quickly claimed by convert, so the upload succeeded."""
    collection.faults = [lambda: claimed_by_convert(system)]
    job = take(system, iter([CONTENT]))
    assert job == only_job(system)
    assert (job["state"], job["size"]) == ("converting", len(CONTENT))
    assert system.stored()["videos.files"] == {job["_id"]}


def test_an_unknown_outcome_keeps_the_file(system: System, collection: UnreliableCollection) -> None:
    """It is unknown whether the job was accepted; deleting the file could lose it."""

    def go_blind() -> None:
        collection.blind = True

    collection.faults = [go_blind, go_blind]
    assert refused(system, iter([CONTENT])) is errors.UNAVAILABLE
    job = only_job(system)
    assert job["state"] == "ready", "it was accepted, and the answer is lost"
    assert system.stored()["videos.files"] == {job["_id"]}


def test_a_resolved_outcome_keeps_the_file(
    system: System, collection: UnreliableCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database answers again when the upload is to be aborted, but the job has moved on."""
    abort = intake._abort

    def go_blind() -> None:
        collection.blind = True

    def see_again(job: Document, jobs: Jobs, files: Files) -> None:
        collection.blind = False
        abort(job, jobs, files)

    collection.faults = [go_blind]
    monkeypatch.setattr(intake, "_abort", see_again)
    assert refused(system, iter([CONTENT])) is errors.UNAVAILABLE
    job = only_job(system)
    assert (job["state"], system.stored()["videos.files"]) == ("ready", {job["_id"]})
