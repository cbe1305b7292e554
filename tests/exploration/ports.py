"""The ports through which the real steps act on the world, one recorded operation after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from pymongo.errors import AutoReconnect

from functions.backends.mail import Postponed, Refused, Unanswered
from functions.common.errors import UNAVAILABLE, UNDECODABLE, Failure
from tests.exploration.memory import Found
from tests.exploration.world import PARTIAL, WHOLE, freeze, thaw

_RAISED = {
    "database": lambda: AutoReconnect("the answer is lost"),
    "unavailable": lambda: Failure(UNAVAILABLE),
    "undecodable": lambda: Failure(UNDECODABLE),
    "crash in the engine": lambda: OSError("no space left"),
    "postponed": Postponed,
    "refused": Refused,
    "unanswered": Unanswered,
}


class Pause(BaseException):
    """The process stands before its next operation."""


class Script:
    """Answer a process's first operations as they were answered before; stop it at the next one."""

    def __init__(self, answers: list[tuple[str, Any]]) -> None:
        self._answers = iter(answers)
        self.pending: tuple[Any, ...] | None = None

    def do(self, *operation: Any) -> Any:
        """Return, or raise, what this operation led to."""
        if self.pending is None:
            answer = next(self._answers, None)
            if answer is not None:
                how, value = answer
                if how == "raises":
                    error: Callable[[], Exception] = _RAISED[value]
                    raise error()
                return thaw(value)
            self.pending = operation
        raise Pause


class Collection:
    """A collection of job documents, as functions.backends.jobs uses one."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def insert_one(self, document: dict[str, Any]) -> None:
        """Insert the job."""
        self._script.do("database", "insert_one", freeze([document]))

    def find_one(self, query: dict[str, Any]) -> Any:
        """Look the job up."""
        return self._script.do("database", "find_one", freeze([query]))

    def find(self, query: dict[str, Any]) -> Found:
        """Look for the job."""
        return Found(self._script.do("database", "find", freeze([query])))

    def find_one_and_update(self, query: Any, update: Any, return_document: bool) -> Any:
        """Take the job through a row of the table."""
        return self._script.do("database", "find_one_and_update", freeze([query, update]))

    def delete_one(self, query: dict[str, Any]) -> SimpleNamespace:
        """Forget the job."""
        return SimpleNamespace(deleted_count=self._script.do("database", "delete_one", freeze([query])))


class Files:
    """GridFS: chunks and the entry are written and deleted one after the other."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def write(self, bucket: str, file_id: str) -> Any:
        """Return a writer; its first bytes are one operation, its end another."""

        def write(_data: bytes) -> None:
            self._script.do("store_chunks", bucket, file_id)

        def finish() -> str:
            self._script.do("store_entry", bucket, file_id)
            return "digest"

        return SimpleNamespace(write=write, finish=finish, length=1)

    def read(self, bucket: str, file_id: str) -> Any:
        """Return a reader of a file that is there."""
        there = self._script.do("read", bucket, file_id)
        return SimpleNamespace(blocks=lambda: iter([b"video"]), length=5) if there else None

    def delete(self, bucket: str, *file_ids: str) -> None:
        """Delete the entries, then the chunks."""
        self._script.do("delete", bucket, file_ids, (WHOLE,))
        self._script.do("delete", bucket, file_ids, (PARTIAL,))


class FilesDeletedAtOnce(Files):
    """GridFS for those who delete at leisure, since sweep deletes the same files again: fewer states to visit."""

    def delete(self, bucket: str, *file_ids: str) -> None:
        """Delete entries and chunks in one operation."""
        self._script.do("delete", bucket, file_ids, (WHOLE, PARTIAL))


class Queue:
    """RabbitMQ: a hint that is sent is on its way, or lost."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def announce(self, jobs: list[dict[str, Any]]) -> bool:
        """Send the hints of these jobs' states."""
        return not jobs or bool(self._script.do("announce", tuple(job["state"] for job in jobs)))


class Mailer:
    """The relay: it takes a mail, refuses it, or leaves open whether it took it."""

    sender = "mp3@example.org"

    def __init__(self, script: Script) -> None:
        self._script = script

    @contextlib.contextmanager
    def session(self, _recipient: str) -> Iterator[Any]:
        """Connect."""
        self._script.do("connect_mail")
        yield SimpleNamespace(hand_over=lambda letter: self._script.do("hand_over", letter["run"]))
