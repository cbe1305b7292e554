"""Which crash points the sources hold: read from them, so that none can be added and forgotten."""

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
# What the names that are put together at run time can be.
VALUES = {
    "row.name": tuple(row.name for row in TABLE),
    "bucket": BUCKETS,
    "self._files.name": tuple(f"{bucket}.files" for bucket in BUCKETS),
    "self._chunks.name": tuple(f"{bucket}.chunks" for bucket in BUCKETS),
}


def marked() -> set[str]:
    """Return every step that is marked anywhere, without its function."""
    return {name for path in FUNCTIONS.rglob("*.py") for name in marked_in(path.read_text())}


def marked_in(source: str) -> Iterator[str]:
    """Yield the steps that one source marks."""
    for call in ast.walk(ast.parse(source)):
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="crash"), attr="point"), args=[name]):
                yield from _values(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="crash"), attr="around"), args=[name]):
                yield from (f"{value}.{side}" for value in _values(name) for side in SIDES)


def rows() -> set[str]:
    """Return the steps of every row of the table in every function that executes it."""
    return {f"{room}:{row.name}.{side}" for room, row in _executed() for side in SIDES}


def _values(name: ast.expr) -> list[str]:
    """Return all that an expression can be; one that VALUES does not know is an error."""
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
