"""Fast hashing for all tests of login."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions.login import stored
from tests.unit.login.hashing import QuickHasher


@pytest.fixture(autouse=True)
def hasher(monkeypatch: pytest.MonkeyPatch) -> Iterator[QuickHasher]:
    """Fast hashing."""
    quick = QuickHasher()
    monkeypatch.setattr(stored, "_HASHER", quick)
    stored._unknown_user_hash.cache_clear()
    yield quick
    stored._unknown_user_hash.cache_clear()
