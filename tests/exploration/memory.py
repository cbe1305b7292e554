"""Collections in memory, with the MongoDB operators that transitions and GridFS use.

`tests/integration/test_jobs.py` and `tests/integration/test_files.py` run the same operations on them and on a real
server, and compare every document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import bson
from bson.codec_options import CodecOptions
from pymongo.errors import BulkWriteError, DuplicateKeyError

Document = dict[str, Any]

_MISSING = object()
_AWARE: CodecOptions[Document] = CodecOptions(tz_aware=True)


class MemoryCollection:
    """Behaves like a MongoDB collection, for this project's queries and updates."""

    def __init__(self, documents: list[Document] | None = None, name: str = "jobs") -> None:
        self.name = name
        self.documents = {document["_id"]: document for document in documents or []}
        self._unique = [("_id",)]

    def insert_one(self, document: Document) -> None:
        """Insert a document; raise DuplicateKeyError if a unique index already has its keys."""
        stored: Document = bson.decode(bson.encode({"_id": bson.ObjectId()} | document), _AWARE)
        for keys in self._unique:
            taken = {path: _get(stored, path) for path in keys}
            if any(matches(each, taken) for each in self.documents.values()):
                raise DuplicateKeyError("E11000 duplicate key error")
        self.documents[stored["_id"]] = stored

    def insert_many(self, documents: list[Document]) -> None:
        """Insert documents in order, up to the first that violates a unique index."""
        try:
            for document in documents:
                self.insert_one(document)
        except DuplicateKeyError as error:
            raise BulkWriteError({"writeErrors": [{"code": 11000}]}) from error

    def find_one(self, query: Document, projection: Any = None, sort: Any = None) -> Document | None:
        """Return a copy of the first matching document."""
        found = self.find(query)
        for field, direction in reversed(sort or []):
            found = found.sort(field, direction)
        return _projected(found[0], projection) if found else None

    def find(self, query: Document, projection: Any = None) -> Found:
        """Return copies of all matching documents."""
        return Found(_projected(each, projection) for each in self._matching(query))

    def count_documents(self, query: Document, limit: int) -> int:
        """Return the number of matching documents, up to a limit."""
        return len(self.find(query).limit(limit))

    def find_one_and_update(self, query: Document, update: Document, return_document: bool = True) -> Document | None:
        """Update the first matching document; return the new version."""
        found = self.find_one(query)
        if found is None:
            return None
        for operator, values in update.items():
            for path, value in values.items():
                _change(found, operator, path, value)
        self.documents[found["_id"]] = found
        after: Document = _copied(found)
        return after

    def replace_one(self, query: Document, document: Document, upsert: bool) -> None:
        """Put a document in the place of the first matching one, or, with `upsert`, into none."""
        if self.delete_one(query).deleted_count or upsert:
            self.insert_one(query | document)

    def delete_one(self, query: Document) -> SimpleNamespace:
        """Delete the first matching document."""
        found = self.find_one(query)
        if found:
            del self.documents[found["_id"]]
        return SimpleNamespace(deleted_count=int(found is not None))

    def delete_many(self, query: Document) -> None:
        """Delete all matching documents."""
        for found in self.find(query):
            del self.documents[found["_id"]]

    def create_index(self, keys: Any, unique: bool = False) -> None:
        """Enforce a unique index from now on; other indexes change no result."""
        if unique:
            self._unique.append(tuple(path for path, _ in keys))

    def _matching(self, query: Document) -> Iterator[Document]:
        return (_copied(each) for each in self.documents.values() if matches(each, query))


class MemoryDatabase(dict[str, MemoryCollection]):
    """Collections by name, created when first used."""

    def __missing__(self, name: str) -> MemoryCollection:
        return self.setdefault(name, MemoryCollection(name=name))


class Found(list[Document]):
    """Query results with a cursor's methods."""

    def __enter__(self) -> Found:
        return self

    def __exit__(self, *_error: object) -> None:
        """Release nothing."""

    def sort(self, field: str | list[tuple[str, int]], direction: int = 1) -> Found:  # type: ignore[override]
        """Return them sorted by a field, or by several."""
        found = list(self)
        for name, way in reversed(field if isinstance(field, list) else [(field, direction)]):
            found.sort(key=lambda document: _get(document, name), reverse=way < 0)
        return Found(found)

    def limit(self, number: int) -> Found:
        """Return the first few."""
        return Found(self[:number])

    def batch_size(self, _number: int) -> Found:
        """Return all of them, because there is no network."""
        return self


def matches(document: Document, query: Document) -> bool:
    """Tell whether a document matches a query."""
    return all(
        any(matches(document, each) for each in rule) if path == "$or" else _satisfies(_get(document, path), rule)
        for path, rule in query.items()
    )


def _satisfies(value: Any, rule: Any) -> bool:
    if not (isinstance(rule, dict) and rule and all(key.startswith("$") for key in rule)):
        return bool((None if value is _MISSING else value) == rule)
    if "$regex" in rule:
        return isinstance(value, str) and bool(re.search(rule["$regex"], value, re.IGNORECASE))
    return all(_compare(value, operator, operand) for operator, operand in rule.items())


def _compare(value: Any, operator: str, operand: Any) -> bool:
    there = value is not _MISSING and value is not None
    match operator:
        case "$in":
            return value in operand
        case "$ne":
            return bool((None if value is _MISSING else value) != operand)
        case "$not":
            return not _satisfies(value, operand)
        case "$lte":
            return there and value <= operand
        case "$lt":
            return there and value < operand
        case "$gte":
            return there and value >= operand
        case "$gt":
            return there and value > operand
    raise NotImplementedError(operator)


def _copied(value: Any) -> Any:
    """Return a copy of a document or a part of one: everything in it but documents and lists is immutable."""
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_copied(each) for each in value]
    return value


def _projected(document: Document, projection: Any) -> Document:
    """Return the fields that a projection names, and the id."""
    if projection is None:
        return document
    return {name: document[name] for name in ("_id", *projection) if name in document}


def _get(document: Document, path: str) -> Any:
    value: Any = document
    for part in path.split("."):
        value = value.get(part, _MISSING) if isinstance(value, dict) else _MISSING
    return value


def _change(document: Document, operator: str, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    parent = document
    for part in parents:
        if operator == "$unset" and part not in parent:
            return
        parent = parent.setdefault(part, {})
    old = parent.get(last, _MISSING)
    match operator:
        case "$set":
            parent[last] = _copied(value)
        case "$unset":
            parent.pop(last, None)
        case "$inc":
            parent[last] = (0 if old is _MISSING else old) + value
        case "$min":
            parent[last] = value if old is _MISSING else min(old, value)
        case "$max":
            parent[last] = value if old is _MISSING else max(old, value)
        case _:
            raise NotImplementedError(operator)
