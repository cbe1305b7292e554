"""Archive: which jobs are in it, what Python's own reader finds in it, and what it never hides."""

from __future__ import annotations

import io
import zipfile

import pytest
from zipstream import ZipStream

from functions.backends.files import CHUNK_BYTES, MP3S
from functions.common import errors, ids, transitions
from functions.common.errors import Failure
from functions.download import archive
from tests.integration import states
from tests.unit.in_memory import System

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture
def system() -> System:
    return System()


def job(system: System, filename: str = "a.mp4", content: bytes = b"bytes") -> str:
    """Return a finished job with this MP3."""
    job_id = states.done(system.sweeper)
    system.database["jobs"].documents[job_id]["filename"] = filename
    system.files.delete(MP3S, f"{job_id}.1")
    with system.files.write(MP3S, f"{job_id}.1") as writer:
        writer.write(content)
        writer.finish()
    return job_id


def zipped(system: System, *job_ids: str, owner: str = "1") -> ZipStream:
    """Return the archive of these jobs."""
    return archive.zipped(list(job_ids), owner, system.jobs, system.files)


def contents(made: ZipStream) -> dict[str, bytes]:
    """Return what is in an archive, which must be whole, uncompressed and as long as it said before."""
    length, whole = len(made), b"".join(made)
    assert len(whole) == length
    with zipfile.ZipFile(io.BytesIO(whole)) as found:
        assert found.testzip() is None
        assert {each.compress_type for each in found.infolist()} == {zipfile.ZIP_STORED}
        assert len(set(found.namelist())) == len(found.namelist())
        return {name: found.read(name) for name in found.namelist()}


def test_it_has_each_mp3_in_the_order_of_the_request(system: System) -> None:
    long = bytes(range(256)) * (CHUNK_BYTES // 64)
    first, second, third = job(system, "Grüße.mp4", long), job(system, "日本.mkv"), job(system, "empty.mp4", b"")
    found = contents(zipped(system, second, first, third))
    assert list(found.items()) == [("日本.mp3", b"bytes"), ("Grüße.mp3", long), ("empty.mp3", b"")]


@pytest.mark.attack("D4")
def test_no_name_leaves_the_folder_or_hides_another(system: System) -> None:
    names = [
        "talk.mp4",
        "talk.mkv",
        "TALK.mp4",
        "../../talk.mp4",
        "C:\\x\\talk.mp4",
        "/etc/passwd",
        "..",
        "",
        "a\0b.mp4",
    ]
    found = contents(zipped(system, *(job(system, name) for name in names)))
    assert list(found) == [
        "talk.mp3",
        "talk (2).mp3",
        "TALK (3).mp3",
        "talk (4).mp3",
        "talk (5).mp3",
        "passwd.mp3",
        "video.mp3",
        "video (2).mp3",
        "ab.mp3",
    ]


def test_large_ones_are_in_the_zip64_format(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """As files from 4 GiB are; here those from a few bytes."""
    monkeypatch.setattr("zipstream.ng.ZIP64_LIMIT", 10)
    made = zipped(system, job(system, "a.mp4", b"a" * 100), job(system, "b.mp4", b"b" * 5))
    assert contents(made) == {"a.mp3": b"a" * 100, "b.mp3": b"b" * 5}


@pytest.mark.attack("D1", "D7")
def test_a_job_without_an_mp3_is_refused_before_anything_is_sent(system: System) -> None:
    good = job(system)
    for bad, owner, kind in (
        (ID, "1", errors.NOT_FOUND),
        (good, "2", errors.NOT_FOUND),
        (states.converting(system.sweeper), "1", errors.NOT_READY),
    ):
        with pytest.raises(Failure) as failure:
            zipped(system, *([good, bad] if owner == "1" else [bad]), owner=owner)
        assert (failure.value.kind, failure.value.more["id"]) == (kind, bad)
    failed = states.failed(system.sweeper)
    with pytest.raises(Failure) as failure:
        zipped(system, good, failed)
    assert (failure.value.kind.status, failure.value.kind.code, failure.value.more) == (422, "c", {"id": failed})


def test_one_whose_file_is_missing_is_refused_before_anything_is_sent(system: System) -> None:
    good, bad = job(system), job(system)
    system.files.delete(MP3S, f"{bad}.1")
    with pytest.raises(Failure) as failure:
        zipped(system, good, bad)
    assert (failure.value.kind, failure.value.more) == (errors.UNAVAILABLE, {"id": bad})


def test_one_that_disappears_on_the_way_ends_the_archive_with_an_error(system: System) -> None:
    made = zipped(system, job(system), gone := job(system))
    blocks, sent = iter(made), io.BytesIO()
    sent.write(next(blocks))
    system.files.delete(MP3S, f"{gone}.1")
    with pytest.raises(Failure) as failure:
        sent.writelines(blocks)
    assert failure.value.kind is errors.UNAVAILABLE
    assert 0 < sent.tell() < len(made)
    assert not zipfile.is_zipfile(sent)


@pytest.mark.parametrize("form", ["{0},{1}", " {0} ,, {1},", "{0},{1},{0}"])
def test_ids_are_read_once_each(form: str) -> None:
    pair = [ids.new(), ids.new()]
    assert archive.wanted(form.format(*pair)) == pair


@pytest.mark.attack("D2")
@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ("", errors.INVALID_IDS),
        (" , ", errors.INVALID_IDS),
        (",".join(f"{ID[:-3]}{number:03}" for number in range(101)), errors.INVALID_IDS),
        ("x", errors.NOT_FOUND),
        (f"{ID};{ID}", errors.NOT_FOUND),
        (f"{ID},../jobs", errors.NOT_FOUND),
        (f"{ID}.1", errors.NOT_FOUND),
        ("[$ne]", errors.NOT_FOUND),
        ("\udcff", errors.NOT_FOUND),
    ],
)
def test_wrong_ids_are_refused(names: str, kind: errors.Kind) -> None:
    with pytest.raises(Failure) as failure:
        archive.wanted(names)
    assert failure.value.kind is kind


def test_as_many_as_the_sentence_says() -> None:
    assert "1 to 100 " in errors.INVALID_IDS.title
    assert len(archive.wanted(",".join(ids.new() for _ in range(100)))) == 100


def test_a_deleted_job_is_unknown(system: System) -> None:
    deleted = job(system)
    states.take(system.sweeper, transitions.DELETE, deleted, epoch=1)
    with pytest.raises(Failure) as failure:
        zipped(system, deleted)
    assert failure.value.kind is errors.NOT_FOUND
