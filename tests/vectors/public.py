"""Public lists of attack strings, used in addition to our own if they are in a folder beside the clone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"
FOLDER = SHARED / "vectors"
WHAT = "public lists of attack strings, in addition to our own: put them in ../shared/vectors"


def needs(*names: str) -> pytest.MarkDecorator:
    """Return the mark of a test that needs these lists; in CI, a list missing from the folder fails the test."""
    expected = bool(os.environ.get("CI")) and SHARED.is_dir()
    return pytest.mark.requires(not expected and not all((FOLDER / name).is_file() for name in names), WHAT)


def strings(name: str) -> list[str]:
    """Return the strings of a list: the lines of a text, or the items of a JSON array."""
    text = (FOLDER / name).read_text(errors="replace")
    found = json.loads(text) if name.endswith(".json") else text.splitlines()
    assert found
    return list(found)
