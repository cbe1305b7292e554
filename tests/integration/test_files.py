"""GridFS on a real server: files are read back as written, or are not visible."""

from __future__ import annotations

import os
import uuid
from typing import Any

import gridfs
import pytest
from pymongo.database import Database

from functions.backends.files import CHUNK_BYTES, VIDEOS, Files
from functions.common.errors import UNAVAILABLE, Failure
from tests.exploration.memory import MemoryDatabase

LENGTHS = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 4 * CHUNK_BYTES, 9 * CHUNK_BYTES + 5]


def stored(files: Files, content: bytes, piece: int = 300_000) -> str:
    file_id = uuid.uuid4().hex
    with files.write(VIDEOS, file_id) as writer:
        for start in range(0, len(content), piece):
            writer.write(content[start : start + piece])
        writer.finish()
    return file_id


@pytest.mark.parametrize("length", LENGTHS)
def test_round_trip(length: int, database: Database[dict[str, Any]]) -> None:
    """Files of every length are read back byte for byte, by our reader and by pymongo's."""
    files, content = Files(database), os.urandom(length)
    file_id = stored(files, content)
    reader = files.read(VIDEOS, file_id)
    assert reader is not None
    assert b"".join(reader.blocks()) == content
    assert gridfs.GridFS(database, VIDEOS).get(file_id).read() == content


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 1), (CHUNK_BYTES - 1, CHUNK_BYTES + 1), (5, 3 * CHUNK_BYTES), (CHUNK_BYTES, 2 * CHUNK_BYTES), (7, 7)],
)
def test_parts(start: int, stop: int, database: Database[dict[str, Any]]) -> None:
    """A part is read without the rest."""
    files, content = Files(database), os.urandom(4 * CHUNK_BYTES)
    reader = files.read(VIDEOS, stored(files, content))
    assert reader is not None
    assert b"".join(reader.blocks(start, stop)) == content[start:stop]


def test_nothing_is_visible_before_the_end(database: Database[dict[str, Any]]) -> None:
    """An interrupted writer leaves only chunks, which can be deleted by the file's id."""
    files = Files(database)
    with files.write(VIDEOS, "a") as writer:
        writer.write(bytes(5 * CHUNK_BYTES))
    assert files.read(VIDEOS, "a") is None
    assert database["videos.chunks"].count_documents({"files_id": "a"}) == 4
    files.delete(VIDEOS, "a")
    assert database["videos.chunks"].count_documents({"files_id": "a"}) == 0


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_missing_chunk_is_an_error(number: int, database: Database[dict[str, Any]]) -> None:
    """A file with a missing chunk never looks like a shorter one."""
    files = Files(database)
    file_id = stored(files, os.urandom(2 * CHUNK_BYTES + 9))
    reader = files.read(VIDEOS, file_id)
    assert reader is not None
    database["videos.chunks"].delete_one({"files_id": file_id, "n": number})
    with pytest.raises(Failure) as failure:
        b"".join(reader.blocks())
    assert failure.value.kind is UNAVAILABLE


def test_two_writers_with_one_id_do_not_mix(database: Database[dict[str, Any]]) -> None:
    """The index rejects the second one."""
    files = Files(database)
    stored_id = stored(files, b"first")
    second = files.write(VIDEOS, stored_id)
    second.write(b"second")
    with pytest.raises(Failure):
        second.finish()
    reader = files.read(VIDEOS, stored_id)
    assert reader is not None
    assert b"".join(reader.blocks()) == b"first"


def outcomes_of(files: Files, content: bytes) -> list[object]:
    """Return the results of writing, rejecting and deleting files."""
    seen: list[object] = []

    def write(file_id: str, content: bytes, *, whole: bool = True) -> None:
        try:
            with files.write(VIDEOS, file_id) as writer:
                writer.write(content)
                seen.append(writer.finish() if whole else None)
        except Failure as failure:
            seen.append(type(failure.__cause__))

    write("kept", content)
    write("kept", content[:-1])
    write("empty", b"")
    write("empty", b"")
    write("cut", content * 4, whole=False)
    write("cut", content)
    for file_id in ("deleted", "another"):
        write(file_id, content)
    files.delete(VIDEOS, "deleted", "unknown")
    readers = [files.read(VIDEOS, file_id) for file_id in ("kept", "empty", "cut", "deleted", "another")]
    return [*seen, *(reader and b"".join(reader.blocks()) for reader in readers)]


def test_files_in_memory_behave_like_those_on_a_server(database: Database[dict[str, Any]]) -> None:
    """So unit tests may use them instead."""
    content, memory = os.urandom(CHUNK_BYTES + 5), MemoryDatabase()
    stores: tuple[Any, ...] = (memory, database)
    outcomes = [outcomes_of(Files(store), content) for store in stores]
    assert outcomes[0] == outcomes[1]
    for name, changing in (("videos.files", "uploadDate"), ("videos.chunks", "_id")):
        shown = [sorted(_plain(each, changing) for each in store[name].find({})) for store in stores]
        assert shown[0] == shown[1] != []


def _plain(document: dict[str, Any], changing: str) -> str:
    return repr(sorted((key, value) for key, value in document.items() if key != changing))
