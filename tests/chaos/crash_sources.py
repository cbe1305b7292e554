"""The crash points in the sources, read from them so that a new one cannot be forgotten."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from functions.backends.files import MP3S, VIDEOS
from functions.common import transitions
from functions.common.transitions import TABLE, Transition

FUNCTIONS = Path(transitions.__file__).parent.parent
SIDES = ("before", "after")
BUCKETS = (VIDEOS, MP3S)
# The values of names that are formatted at run time.
VALUES = {
    "row.name": tuple(row.name for row in TABLE),
    "bucket": BUCKETS,
    "self._files.name": tuple(f"{bucket}.files" for bucket in BUCKETS),
    "self._chunks.name": tuple(f"{bucket}.chunks" for bucket in BUCKETS),
}


def marked() -> set[str]:
    """Return every marked step, without its function."""
    return {name for path in FUNCTIONS.rglob("*.py") for name in marked_in(path.read_text())}


def marked_in(source: str) -> Iterator[str]:
    """Yield the steps marked in one source."""
    for call in ast.walk(ast.parse(source)):
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="crash"), attr="point"), args=[name]):
                yield from _values(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="crash"), attr="around"), args=[name]):
                yield from (f"{value}.{side}" for value in _values(name) for side in SIDES)


def rows() -> set[str]:
    """Return the steps of every transition, in each function that executes it."""
    return {f"{room}:{row.name}.{side}" for room, row in _executed() for side in SIDES}


def _values(name: ast.expr) -> list[str]:
    """Return all values of an expression; raise KeyError if VALUES does not have it."""
    if isinstance(name, ast.Constant):
        return [str(name.value)]
    if isinstance(name, ast.JoinedStr):
        return ["".join(parts) for parts in product(*map(_values, name.values))]
    return list(VALUES[ast.unparse(name.value if isinstance(name, ast.FormattedValue) else name)])


def _executed() -> Iterator[tuple[str, Transition]]:
    for path in sorted(FUNCTIONS.glob("*/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == transitions.__name__:
                found = [getattr(transitions, name.name) for name in node.names]
                yield from ((path.parent.name, row) for row in found if isinstance(row, Transition))
