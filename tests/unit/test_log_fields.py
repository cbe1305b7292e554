"""No field of a log line has a name that logging itself uses, because logging would raise."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESERVED = {*vars(logging.makeLogRecord({})), "message", "asctime"}


def refused(source: str) -> set[str]:
    """Return the names of a source's fields that logging rejects."""
    lines = [line for line in source.splitlines() if re.search(r"\bextra ?=", line)]
    return {name for line in lines for name in re.findall(r'"(\w+)":', line)} & RESERVED


def test_no_field_has_a_reserved_name() -> None:
    found = {path: refused(path.read_text()) for path in (ROOT / "functions").rglob("*.py")}
    assert {str(path): names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('log.info("x", extra={"thread": 1})', {"thread"}),
        ('extra = {"job": 1, "name": 2}', {"name"}),
        ('log.info("x", extra=about | {"job": 1, "message": 2})', {"message"}),
        ('log.info("x", extra={"job": 1})', set()),
        ('headers = {"name": 1}', set()),
    ],
)
def test_a_reserved_name_is_found(source: str, names: set[str]) -> None:
    assert refused(source) == names
