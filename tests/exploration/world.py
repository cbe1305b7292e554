"""The world that the steps act on, hashable: one job's document, files, hints in transit and mails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from pymongo.errors import DuplicateKeyError

from tests.exploration.memory import MemoryCollection

PARTIAL, WHOLE = "partial", "whole"
DUPLICATE = ("raises", "duplicate")


class World(NamedTuple):
    """The state outside the processes."""

    document: Any = None  # frozen
    files: frozenset[tuple[str, str, str]] = frozenset()  # bucket, id, PARTIAL or WHOLE
    hints: frozenset[str] = frozenset()  # "ready" or "ended": the states in events in transit
    mails: tuple[int, ...] = ()  # the runs whose mail was delivered
    acknowledged: bool = False  # the uploader was told 202
    deleted: bool = False  # the owner was told that the job is deleted
    revoked: bool = False  # the owner was told that the links are revoked
    usage: Any = None  # what the owner uses of the quotas, frozen
    webhooks: tuple[str, ...] = ()  # the ids of the webhooks that were sent
    closed: bool = False  # the owner's account is disabled, or says nothing of a webhook any more


def freeze(value: Any) -> Any:
    """Return a hashable value that `thaw` can convert back."""
    if isinstance(value, dict):
        return ("dict", tuple(sorted((key, freeze(each)) for key, each in value.items())))
    if isinstance(value, list | tuple):
        return ("list", tuple(freeze(each) for each in value))
    return value


def thaw(value: Any) -> Any:
    """Return a copy of a frozen value."""
    if isinstance(value, tuple) and value and value[0] == "dict":
        return {key: thaw(each) for key, each in value[1]}
    if isinstance(value, tuple) and value and value[0] == "list":
        return [thaw(each) for each in value[1]]
    return value


# A possible result of an operation: whether it is a fault, the world after it, and the answer to the caller.
Outcome = tuple[bool, World, tuple[str, Any]]


def outcomes(world: World, operation: tuple[Any, ...]) -> Iterator[Outcome]:
    """Yield every possible result of an operation; the first one is without faults."""
    name, *arguments = operation
    yield from _OPERATIONS[name](world, *arguments)


def _jobs(world: World, method: str, arguments: Any) -> Iterator[Outcome]:
    yield from _database(world, "document", method, arguments)


def _usage(world: World, method: str, arguments: Any) -> Iterator[Outcome]:
    yield from _database(world, "usage", method, arguments)


def _database(world: World, field: str, method: str, arguments: Any) -> Iterator[Outcome]:
    there, answer = _result(getattr(world, field), method, arguments)
    after = world._replace(document=there) if field == "document" else world._replace(usage=there)
    yield False, after, answer
    if answer == DUPLICATE:
        return
    if method in ("insert_one", "find_one_and_update", "delete_one"):
        # The answer is lost: the caller cannot tell whether the change was made.
        yield True, after, ("raises", "database")
    yield True, world, ("raises", "database")


@cache
def _result(before: Any, method: str, arguments: Any) -> tuple[Any, tuple[str, Any]]:
    """Return the frozen document after an operation on it, and the answer."""
    documents = MemoryCollection([thaw(before)] if before else [])
    try:
        result = getattr(documents, method)(*thaw(arguments))
    except DuplicateKeyError:
        return before, DUPLICATE
    if method == "delete_one":
        result = result.deleted_count
    there = next((freeze(each) for each in documents.documents.values()), None)
    return there, ("returns", freeze(result))


def _store_chunks(world: World, bucket: str, file_id: str) -> Iterator[Outcome]:
    yield False, world._replace(files=world.files | {(bucket, file_id, PARTIAL)}), ("returns", None)
    yield True, world, ("raises", "unavailable")


def _store_entry(world: World, bucket: str, file_id: str) -> Iterator[Outcome]:
    after = world._replace(files=world.files | {(bucket, file_id, WHOLE)})
    yield False, after, ("returns", None)
    yield True, after, ("raises", "unavailable")


def _delete(world: World, bucket: str, file_ids: tuple[str, ...], parts: tuple[str, ...]) -> Iterator[Outcome]:
    gone = frozenset((bucket, file_id, part) for file_id in file_ids for part in parts)
    yield False, world._replace(files=world.files - gone), ("returns", None)
    if WHOLE in parts:  # failing only at the chunks is like a crash before them
        first = frozenset({(bucket, file_ids[0], WHOLE)})
        yield True, world._replace(files=world.files - first), ("raises", "unavailable")
        yield True, world, ("raises", "unavailable")


def _read(world: World, bucket: str, file_id: str) -> Iterator[Outcome]:
    yield False, world, ("returns", {(bucket, file_id, WHOLE), (bucket, file_id, PARTIAL)} <= world.files)


def _encode(world: World) -> Iterator[Outcome]:
    yield False, world, ("returns", None)
    yield True, world, ("raises", "undecodable")
    yield True, world, ("raises", "crash in the engine")
    yield True, world, ("returns", "stop")  # SIGTERM


def _announce(world: World, states: tuple[str, ...]) -> Iterator[Outcome]:
    heard = {"ended" if state in ("done", "failed") else state for state in states}  # notify handles both
    yield False, world._replace(hints=world.hints | heard), ("returns", True)
    yield True, world, ("returns", False)  # the hint is lost, confirmed or not


def _connect_mail(world: World) -> Iterator[Outcome]:
    yield False, world, ("returns", None)
    yield True, world, ("raises", "postponed")
    yield True, world, ("raises", "refused")


def _hand_over(world: World, run: int) -> Iterator[Outcome]:
    delivered = world._replace(mails=(*world.mails, run))
    yield False, delivered, ("returns", None)
    yield True, delivered, ("raises", "unanswered")
    yield True, world, ("raises", "unanswered")
    yield True, world, ("raises", "postponed")


def _post(world: World, message_id: str) -> Iterator[Outcome]:
    sent = world._replace(webhooks=(*world.webhooks, message_id))
    yield False, sent, ("returns", 204)
    yield True, sent, ("returns", 500)
    yield True, sent, ("returns", 410)
    yield True, sent, ("returns", "unanswered")
    yield True, world, ("returns", "unanswered")


def _find_address(world: World) -> Iterator[Outcome]:
    yield False, world, ("returns", None if world.closed else "https://example.org/")
    yield True, world, ("raises", "unavailable")


def _close_account(world: World) -> Iterator[Outcome]:
    yield False, world._replace(closed=True), ("returns", None)


def _acknowledge(world: World) -> Iterator[Outcome]:
    yield False, world._replace(acknowledged=True), ("returns", None)


def _confirm_deletion(world: World) -> Iterator[Outcome]:
    yield False, world._replace(deleted=True), ("returns", None)


def _confirm_revocation(world: World) -> Iterator[Outcome]:
    yield False, world._replace(revoked=True), ("returns", None)


_OPERATIONS: dict[str, Callable[..., Iterator[Outcome]]] = {
    "database": _jobs,
    "usage": _usage,
    "store_chunks": _store_chunks,
    "store_entry": _store_entry,
    "read": _read,
    "delete": _delete,
    "encode": _encode,
    "announce": _announce,
    "connect_mail": _connect_mail,
    "hand_over": _hand_over,
    "find_address": _find_address,
    "close_account": _close_account,
    "post": _post,
    "acknowledge": _acknowledge,
    "confirm_deletion": _confirm_deletion,
    "confirm_revocation": _confirm_revocation,
}
