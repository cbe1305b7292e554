"""Files: written in chunks and batches, and read back completely or not at all."""

from __future__ import annotations

import hashlib
import threading
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from functions.backends import files as gridfs
from functions.backends.files import MP3S, VIDEOS, Files, Reader
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.values import Document
from tests.clients.waiting import stays, until
from tests.exploration.memory import MemoryCollection, MemoryDatabase

CHUNK = 10
CONTENT = bytes(range(256))


class RecordedCollection(MemoryCollection):
    """A collection that records its operations; the operation named by `fails` fails."""

    def __init__(self, name: str, log: list[tuple[str, Any]]) -> None:
        super().__init__(name=name)
        self.log = log
        self.fails = ""

    def _note(self, what: str, number: object) -> None:
        kind = self.name.rpartition(".")[2]
        self.log.append((f"{kind}.{what}", number))
        if self.fails == what:
            raise AutoReconnect("no answer")

    def insert_one(self, document: Document) -> None:
        """Insert an entry; chunks are recorded by insert_many."""
        if self.name.endswith(".files"):
            self._note("insert", document["length"])
        super().insert_one(document)

    def insert_many(self, documents: list[Document]) -> None:
        """Insert chunks."""
        self._note("insert", [len(each["data"]) for each in documents])
        super().insert_many(documents)

    def find(self, query: Document, projection: Any = None) -> Any:
        """Find chunks."""
        if "n" in query:
            self._note("find", (query["n"]["$gte"], query["n"]["$lte"]))
        return super().find(query, projection)

    def delete_many(self, query: Document) -> None:
        """Delete."""
        self._note("delete", len(self.find({})))
        super().delete_many(query)

    def create_index(self, keys: Any, unique: bool = False) -> None:
        """Create an index."""
        self._note("index", unique)
        super().create_index(keys, unique)


class Store:
    """Files in memory, with a record of all operations."""

    def __init__(self) -> None:
        self.log: list[tuple[str, Any]] = []
        self.database = MemoryDatabase()
        for name in ("videos.files", "videos.chunks", "mp3s.files", "mp3s.chunks"):
            self.database[name] = RecordedCollection(name, self.log)
        database: Any = self.database
        self.files = Files(database)

    def fails(self, collection: str, what: str) -> None:
        """Make an operation fail from now on."""
        watched: Any = self.database[collection]
        watched.fails = what

    def write(self, content: bytes, *, piece: int = 7, file_id: str = "a") -> str:
        with self.files.write(VIDEOS, file_id) as writer:
            for start in range(0, len(content), piece):
                writer.write(content[start : start + piece])
            assert writer.length == len(content)
            return writer.finish()

    def reader(self, file_id: str = "a") -> Reader:
        found = self.files.read(VIDEOS, file_id)
        assert found is not None
        return found

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        return b"".join(self.reader().blocks(start, stop))

    def did(self, what: str) -> list[Any]:
        """Return what was recorded of one kind of operation."""
        return [number for name, number in self.log if name == what]

    @property
    def chunks(self) -> list[Document]:
        return sorted(self.database["videos.chunks"].documents.values(), key=lambda chunk: int(chunk["n"]))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with chunks of 10 bytes, written in batches of four and read in batches of two."""
    monkeypatch.setattr(gridfs, "CHUNK_BYTES", CHUNK)
    return Store()


@pytest.mark.parametrize("piece", [1, 7, 10, 40, 41, 1000])
@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 39, 40, 41, 79, 80, 81, 256])
def test_every_length_is_read_back(length: int, piece: int, store: Store) -> None:
    digest = store.write(CONTENT[:length], piece=piece)
    assert digest == hashlib.sha256(CONTENT[:length]).hexdigest()
    assert (store.read(), store.reader().length) == (CONTENT[:length], length)
    assert [len(chunk["data"]) for chunk in store.chunks] == [10] * (length // 10) + [length % 10] * (length % 10 > 0)


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 0), (7, 7), (9, 5), (0, 1), (9, 10), (9, 11), (10, 20), (0, 95), (94, 95), (39, 41), (40, 80), (5, 85)],
)
def test_a_part_only_reads_its_chunks(start: int, stop: int, store: Store) -> None:
    store.write(CONTENT[:95])
    assert store.read(start, stop) == CONTENT[start:stop]
    numbers = sorted({number for first, last in store.did("chunks.find") for number in range(first, last + 1)})
    assert numbers == sorted({place // CHUNK for place in range(start, stop)})


@pytest.mark.parametrize("piece", [7, 1000])
def test_a_batch_has_at_most_four_chunks_or_two_when_read(piece: int, store: Store) -> None:
    store.write(CONTENT[:95], piece=piece)
    assert store.did("chunks.insert") == [[10] * 4, [10] * 4, [10, 5]]
    store.read()
    assert store.did("chunks.find") == [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]


@pytest.mark.parametrize(
    ("others", "most_written", "most_read"), [(0, 4, 2), (7, 4, 2), (8, 3, 1), (15, 2, 1), (16, 1, 1), (200, 1, 1)]
)
def test_the_more_transfers_the_smaller_their_batches(
    others: int, most_written: int, most_read: int, store: Store
) -> None:
    with ExitStack() as running:
        for number in range(others):
            running.enter_context(store.files.write(VIDEOS, str(number)))
        store.write(CONTENT[:90])
        store.read()
    written, read = store.did("chunks.insert"), store.did("chunks.find")
    assert {len(batch) for batch in written[:-1]} == {most_written}
    assert {last - first + 1 for first, last in read[:-1]} == {most_read}
    store.write(CONTENT[:40], file_id="alone")
    assert store.did("chunks.insert")[-1] == [10] * 4, "the others have ended"


def test_chunks_stay_whole_while_transfers_come_and_go(store: Store) -> None:
    with ExitStack() as running:
        writer = running.enter_context(store.files.write(VIDEOS, "a"))
        for number, start in enumerate(range(0, 250, 7)):
            writer.write(CONTENT[start : min(start + 7, 250)])
            if number % 12 == 6:
                others = ExitStack()
                for name in range(40):
                    others.enter_context(store.files.write(VIDEOS, f"{number} {name}"))
            if number % 12 == 11:
                others.close()
        writer.finish()
    assert [len(chunk["data"]) for chunk in store.chunks] == [10] * 25
    assert store.read() == CONTENT[:250]


def test_reading_ends_with_the_reader(store: Store) -> None:
    """A client that leaves counts no more."""
    store.write(CONTENT)
    started = [store.reader().blocks() for _ in range(40)]
    for blocks in started:
        next(blocks)
    del blocks, started
    store.log.clear()
    store.read()
    assert store.did("chunks.find")[0] == (0, 1)


@pytest.mark.parametrize(
    ("others", "ahead"), [(0, [(0, 1), (2, 3), (4, 5)]), (15, [(0, 0), (1, 1), (2, 2)]), (16, [(0, 0), (1, 1)])]
)
def test_four_chunks_are_read_ahead_or_one_if_many_read(
    others: int, ahead: list[tuple[int, int]], store: Store
) -> None:
    with ExitStack() as running:
        for number in range(others):
            running.enter_context(store.files.write(VIDEOS, str(number)))
        store.write(CONTENT)
        blocks = store.reader().blocks()
        found = next(blocks)
        until(lambda: store.did("chunks.find") == ahead, "what is read ahead")
        stays(lambda: store.did("chunks.find") == ahead, "no more, which would need more memory", 0.1)
        if not others:
            found += next(blocks)  # of the same batch
            assert store.did("chunks.find") == ahead
        assert found + b"".join(blocks) == CONTENT


def test_a_file_with_another_chunk_size_can_be_read(store: Store) -> None:
    """An earlier version may have written it."""
    store.database["videos.files"].insert_one(
        {"_id": "old", "length": 95, "chunkSize": 64, "uploadDate": None, "filename": "old"}
    )
    for n, data in enumerate((CONTENT[:64], CONTENT[64:95])):
        store.database["videos.chunks"].insert_one({"files_id": "old", "n": n, "data": data})
    assert b"".join(store.reader("old").blocks(60, 70)) == CONTENT[60:70]
    assert b"".join(store.reader("old").blocks()) == CONTENT[:95]


def test_an_unfinished_file_is_not_visible(store: Store) -> None:
    with store.files.write(VIDEOS, "a") as writer:
        writer.write(CONTENT[:45])
        assert store.files.read(VIDEOS, "a") is None
        until(lambda: len(store.chunks) == 4, "a full batch, which is written at once")
        writer.finish()
    assert store.files.read(VIDEOS, "a")


@pytest.mark.parametrize("damage", ["missing", "short", "long", "swapped"])
@pytest.mark.parametrize("number", [0, 1, 4, 9])
def test_a_damaged_file_does_not_look_complete(number: int, damage: str, store: Store) -> None:
    store.write(CONTENT[:95])
    chunk = store.chunks[number]
    if damage == "missing":
        del store.database["videos.chunks"].documents[chunk["_id"]]
    elif damage == "swapped":
        chunk["n"] = 10
    else:
        chunk["data"] = chunk["data"][:-1] if damage == "short" else chunk["data"] + b"x"
    with pytest.raises(Failure) as failure:
        store.read()
    assert failure.value.kind is UNAVAILABLE
    assert store.read(20, 30) == CONTENT[20:30], "the other chunks are readable"


@pytest.mark.parametrize("length", [5, 50])
def test_two_writers_of_one_id_do_not_mix(length: int, store: Store) -> None:
    store.write(b"first")
    with pytest.raises(Failure) as failure:
        store.write(CONTENT[:length])
    assert failure.value.kind is UNAVAILABLE
    assert store.read() == b"first"


def test_indexes_are_created_once_per_bucket(store: Store) -> None:
    for _ in range(2):
        store.files.write(VIDEOS, "a")
    assert (store.did("chunks.index"), store.did("files.index")) == ([True], [False])
    store.files.write(MP3S, "a")
    assert store.did("chunks.index") == [True, True]


def test_a_failed_index_is_created_before_the_next_file(store: Store) -> None:
    store.fails("videos.chunks", "index")
    with pytest.raises(Failure):
        store.files.write(VIDEOS, "a")
    store.fails("videos.chunks", "")
    store.write(b"first")
    with pytest.raises(Failure):
        store.write(b"second")


def test_entries_are_deleted_before_their_chunks(store: Store) -> None:
    """A reader starts with the entry, and must not find one without its chunks."""
    for file_id in ("a", "b", "c"):
        store.write(CONTENT, file_id=file_id)
    store.log.clear()
    store.files.delete(VIDEOS, "a", "b", "unknown")
    assert [name for name, _ in store.log] == ["files.delete", "chunks.delete"]
    assert {chunk["files_id"] for chunk in store.chunks} == {"c"}
    assert b"".join(store.reader("c").blocks()) == CONTENT


def test_an_interrupted_deletion_leaves_no_entry_without_chunks(store: Store) -> None:
    store.write(CONTENT)
    store.fails("videos.chunks", "delete")
    with pytest.raises(Failure):
        store.files.delete(VIDEOS, "a")
    assert store.files.read(VIDEOS, "a") is None
    store.fails("videos.chunks", "")
    store.files.delete(VIDEOS, "a")
    assert store.chunks == []


def test_the_chunks_of_an_interrupted_writer_can_be_deleted(store: Store) -> None:
    with store.files.write(VIDEOS, "a") as writer:
        writer.write(CONTENT)
    assert store.chunks
    store.files.delete(VIDEOS, "a")
    assert store.chunks == []


@pytest.mark.parametrize(("collection", "what"), [("videos.chunks", "insert"), ("videos.files", "insert")])
def test_a_failed_write_leaves_no_file(collection: str, what: str, store: Store) -> None:
    store.fails(collection, what)
    with pytest.raises(Failure) as failure:
        store.write(CONTENT)
    assert failure.value.kind is UNAVAILABLE
    assert store.files.read(VIDEOS, "a") is None


class Held:
    """Holds inserts of chunks until it is told to let them go."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.let_go = threading.Semaphore(0), threading.Semaphore(0)
        collection: Any = store.database["videos.chunks"]
        insert = collection.insert_many

        def held(batch: list[Document]) -> Any:
            self.begun.release()
            assert self.let_go.acquire(timeout=10)
            return insert(batch)

        monkeypatch.setattr(collection, "insert_many", held)


def test_a_batch_is_stored_while_the_next_is_gathered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than two: a third would need more memory."""
    held = Held(store, monkeypatch)
    with store.files.write(VIDEOS, "a") as writer:
        writer.write(CONTENT[:40])
        assert held.begun.acquire(timeout=10)
        writer.write(CONTENT[40:79])
        assert store.chunks == []
        more = threading.Thread(target=writer.write, args=[CONTENT[79:80]])
        more.start()
        assert not held.begun.acquire(timeout=0.05), "the second batch is not stored before the first"
        assert more.is_alive()
        held.let_go.release(10)
        more.join()
        writer.finish()
    assert store.read() == CONTENT[:80]


def test_nothing_is_stored_after_an_upload_has_failed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is being stored then can be deleted."""
    held = Held(store, monkeypatch)
    abandoned: list[str] = []

    def upload() -> None:
        with suppress(KeyError), store.files.write(VIDEOS, "a") as writer:
            writer.write(CONTENT[:40])
            raise KeyError
        abandoned.append("a")

    thread = threading.Thread(target=upload)
    thread.start()
    assert held.begun.acquire(timeout=10)
    thread.join(0.05)
    assert not abandoned
    held.let_go.release()
    thread.join()
    assert (abandoned, len(store.chunks)) == (["a"], 4)


def test_a_failed_batch_is_a_failure_of_the_next_write(store: Store) -> None:
    store.fails("videos.chunks", "insert")
    with store.files.write(VIDEOS, "a") as writer:
        writer.write(CONTENT[:40])
        for call in (lambda: writer.write(CONTENT[:40]), writer.finish):
            with pytest.raises(Failure) as failure:
                call()
            assert failure.value.kind is UNAVAILABLE


@pytest.mark.parametrize("after", [0, 4])
def test_a_failed_read_is_unavailable(after: int, store: Store) -> None:
    """A failed prefetch is raised when its batch is needed."""
    store.write(CONTENT)
    blocks = store.reader().blocks()
    read = [next(blocks) for _ in range(after)]
    store.fails("videos.chunks", "find")
    with pytest.raises(Failure) as failure:
        read += blocks
    assert failure.value.kind is UNAVAILABLE
    assert CONTENT.startswith(b"".join(read))


def test_buckets_are_separate(store: Store) -> None:
    store.write(CONTENT)
    assert store.files.read(MP3S, "a") is None
    store.files.delete(MP3S, "a")
    assert store.read() == CONTENT
