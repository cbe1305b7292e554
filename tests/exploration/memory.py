"""A collection of documents in memory, with the operators that the table of transitions uses.

`tests/integration/test_jobs.py` runs the same operations on it and on a real server and compares every document.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

Document = dict[str, Any]

_MISSING = object()


class MemoryCollection:
    """Behave as a MongoDB collection does, for this project's queries and updates."""

    def __init__(self, documents: list[Document] | None = None) -> None:
        self.documents = {document["_id"]: document for document in documents or []}

    def insert_one(self, document: Document) -> None:
        """Insert a document under a new id."""
        assert document["_id"] not in self.documents
        self.documents[document["_id"]] = copy.deepcopy(document)

    def find_one(self, query: Document) -> Document | None:
        """Return a copy of the first document that matches."""
        return next(iter(self._matching(query)), None)

    def find(self, query: Document) -> Found:
        """Return copies of all documents that match."""
        return Found(list(self._matching(query)))

    def find_one_and_update(self, query: Document, update: Document, return_document: bool = True) -> Document | None:
        """Change the first document that matches; return it as it is afterwards."""
        found = self.find_one(query)
        if found is None:
            return None
        for operator, values in update.items():
            for path, value in values.items():
                _change(found, operator, path, value)
        self.documents[found["_id"]] = found
        return copy.deepcopy(found)

    def delete_one(self, query: Document) -> SimpleNamespace:
        """Delete the first document that matches."""
        found = self.find_one(query)
        if found:
            del self.documents[found["_id"]]
        return SimpleNamespace(deleted_count=int(found is not None))

    def create_index(self, keys: Any) -> None:
        """Accept an index: it changes no answer."""

    def _matching(self, query: Document) -> Iterator[Document]:
        return (copy.deepcopy(each) for each in self.documents.values() if matches(each, query))


class Found(list[Document]):
    """Documents that were found, as a cursor hands them out."""

    def __enter__(self) -> Found:
        return self

    def __exit__(self, *_error: object) -> None:
        """Let go of nothing."""

    def sort(self, field: str, _direction: int) -> Found:  # type: ignore[override]
        """Return them in the order of a field."""
        return Found(sorted(self, key=lambda document: _get(document, field)))

    def limit(self, most: int) -> Found:
        """Return the first few."""
        return Found(self[:most])

    def batch_size(self, _most: int) -> Found:
        """Return them all: no network is between."""
        return self


def matches(document: Document, query: Document) -> bool:
    """Tell whether a document matches a query."""
    return all(
        any(matches(document, each) for each in rule) if path == "$or" else _holds(_get(document, path), rule)
        for path, rule in query.items()
    )


def _holds(value: Any, rule: Any) -> bool:
    if not (isinstance(rule, dict) and rule and all(key.startswith("$") for key in rule)):
        return bool((None if value is _MISSING else value) == rule)
    return all(_compare(value, operator, operand) for operator, operand in rule.items())


def _compare(value: Any, operator: str, operand: Any) -> bool:
    there = value is not _MISSING and value is not None
    match operator:
        case "$in":
            return value in operand
        case "$ne":
            return bool((None if value is _MISSING else value) != operand)
        case "$not":
            return not _holds(value, operand)
        case "$lte":
            return there and value <= operand
        case "$lt":
            return there and value < operand
        case "$gte":
            return there and value >= operand
        case "$gt":
            return there and value > operand
    raise NotImplementedError(operator)


def _get(document: Document, path: str) -> Any:
    value: Any = document
    for part in path.split("."):
        value = value.get(part, _MISSING) if isinstance(value, dict) else _MISSING
    return value


def _change(document: Document, operator: str, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    here = document
    for part in parents:
        if operator == "$unset" and part not in here:
            return
        here = here.setdefault(part, {})
    old = here.get(last, _MISSING)
    match operator:
        case "$set":
            here[last] = copy.deepcopy(value)
        case "$unset":
            here.pop(last, None)
        case "$inc":
            here[last] = (0 if old is _MISSING else old) + value
        case "$min":
            here[last] = value if old is _MISSING else min(old, value)
        case "$max":
            here[last] = value if old is _MISSING else max(old, value)
        case _:
            raise NotImplementedError(operator)
