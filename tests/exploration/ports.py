"""The ports through which the real steps act on the world, one recorded operation at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from pymongo.errors import AutoReconnect, DuplicateKeyError

from functions.backends.mail import Postponed, Refused, Unanswered
from functions.common.errors import UNAVAILABLE, UNDECODABLE, Failure
from tests.exploration.memory import Found
from tests.exploration.world import PARTIAL, WHOLE, freeze, thaw

_RAISED = {
    "database": lambda: AutoReconnect("the answer is lost"),
    "duplicate": lambda: DuplicateKeyError("it is there"),
    "unavailable": lambda: Failure(UNAVAILABLE),
    "undecodable": lambda: Failure(UNDECODABLE),
    "crash in the engine": lambda: OSError("no space left"),
    "postponed": Postponed,
    "refused": Refused,
    "unanswered": Unanswered,
}


class Pause(BaseException):
    """The process is about to make its next operation."""


class Script:
    """Replays the answers to a process's operations so far; stops it at the next one."""

    def __init__(self, answers: list[tuple[str, Any]]) -> None:
        self._answers = iter(answers)
        self.pending: tuple[Any, ...] | None = None

    def do(self, *operation: Any) -> Any:
        """Return or raise the result of this operation."""
        if self.pending is None:
            answer = next(self._answers, None)
            if answer is not None:
                how, value = answer
                if how == "raises":
                    error: Callable[[], Exception] = _RAISED[value]
                    raise error()
                return thaw(value)
            # Most runs only repeat answered operations, so the arguments are frozen here.
            self.pending = tuple(freeze(each) if isinstance(each, list) else each for each in operation)
        raise Pause


class Collection:
    """The job's document or its owner's usage, as functions.backends uses them."""

    def __init__(self, script: Script, name: str = "database") -> None:
        self._script = script
        self._name = name

    def insert_one(self, document: dict[str, Any]) -> None:
        """Insert the job."""
        self._script.do(self._name, "insert_one", [document])

    def find_one(self, query: dict[str, Any]) -> Any:
        """Find the job."""
        return self._script.do(self._name, "find_one", [query])

    def find(self, query: dict[str, Any], _projection: Any = None) -> Found:
        """Find the job."""
        return Found(self._script.do(self._name, "find", [query]))

    def find_one_and_update(self, query: Any, update: Any, return_document: bool) -> Any:
        """Apply a transition to the job."""
        return self._script.do(self._name, "find_one_and_update", [query, update])

    def delete_one(self, query: dict[str, Any]) -> SimpleNamespace:
        """Delete the job's document."""
        return SimpleNamespace(deleted_count=self._script.do(self._name, "delete_one", [query]))


class Files:
    """GridFS: chunks and file documents are written and deleted separately."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def write(self, bucket: str, file_id: str) -> Any:
        """Return a writer; writing the data is one operation, finishing the file another."""

        def write(_data: bytes) -> None:
            self._script.do("store_chunks", bucket, file_id)

        def finish() -> str:
            self._script.do("store_entry", bucket, file_id)
            return "digest"

        return contextlib.nullcontext(SimpleNamespace(write=write, finish=finish, length=1))

    def read(self, bucket: str, file_id: str) -> Any:
        """Return a reader, if the file exists."""
        there = self._script.do("read", bucket, file_id)
        return SimpleNamespace(blocks=lambda: iter([b"video"]), length=5) if there else None

    def delete(self, bucket: str, *file_ids: str) -> None:
        """Delete the file documents, then the chunks."""
        self._script.do("delete", bucket, file_ids, (WHOLE,))
        self._script.do("delete", bucket, file_ids, (PARTIAL,))


class AtomicDeleteFiles(Files):
    """GridFS with atomic deletes, to reduce the states; sweep deletes the same files again anyway."""

    def delete(self, bucket: str, *file_ids: str) -> None:
        """Delete file documents and chunks in one operation."""
        self._script.do("delete", bucket, file_ids, (WHOLE, PARTIAL))


class Uncounted:
    """Usage that is not counted, to reduce the states; other explorations count it."""

    def reserve_again(self, *_: object) -> Uncounted:
        """Count nothing."""
        return self

    def settle(self, *_: object) -> None:
        """Count nothing."""

    def give_back(self, *_: object) -> None:
        """Count nothing."""

    def charge(self, *_: object) -> None:
        """Count nothing."""

    def remember(self, *_: object) -> None:
        """Count nothing."""

    def cover(self, *_: object) -> None:
        """Count nothing."""


class Queue:
    """RabbitMQ: a published hint is in transit, or lost."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def announce(self, jobs: list[dict[str, Any]]) -> bool:
        """Publish hints of these jobs' states."""
        return not jobs or bool(self._script.do("announce", tuple(job["state"] for job in jobs)))


class Mailer:
    """The relay: it accepts a mail, rejects it, or leaves the outcome unknown."""

    sender = "mp3@example.org"

    def __init__(self, script: Script) -> None:
        self._script = script

    @contextlib.contextmanager
    def session(self, _recipient: str) -> Iterator[Any]:
        """Connect."""
        self._script.do("connect_mail")
        yield SimpleNamespace(hand_over=lambda letter: self._script.do("hand_over", letter["run"]))
