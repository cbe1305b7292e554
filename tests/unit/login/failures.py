"""The table of failures in memory; `tests/integration/test_failures.py` runs the same operations on a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from functions.backends.failures import Failures, Standing

DAY = 86_400


@dataclass
class Row:
    """A row, with times in seconds."""

    failures: int
    free_at: float
    expires_at: float


class MemoryFailures(Failures):
    """Behaves like the table at a time that tests set, and counts queries."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.rows: dict[bytes, Row] = {}
        self.queries = 0

    def find(self, *subjects: bytes) -> dict[bytes, Standing]:
        """Return the standing of those subjects that are in the table."""
        self.queries += 1
        rows = {subject: self.rows[subject] for subject in subjects if subject in self.rows}
        return {
            subject: Standing(max(0.0, row.free_at - self.now), int(row.expires_at - self.now))
            for subject, row in rows.items()
            if row.expires_at > self.now
        }

    def count(self, free: Mapping[bytes, int]) -> bytes | None:
        """Count a failure for each subject, up to the first that has to wait, and return that one."""
        self.queries += 1
        return next((subject for subject in free if not self._counted(subject, free[subject])), None)

    def _counted(self, subject: bytes, free: int) -> bool:
        row = self.rows.get(subject)
        if row is None or row.expires_at <= self.now:
            row = self.rows[subject] = Row(0, 0.0, self.now + DAY)
        if row.free_at > self.now:
            return False
        row.failures += 1
        if row.failures >= free:
            row.free_at = self.now + min(900, 2 ** (row.failures - free))
        return True

    def remember(self, subject: bytes, days: int) -> None:
        """Keep a subject that has not failed for so many days."""
        self.queries += 1
        self.rows[subject] = Row(0, 0.0, self.now + days * DAY)
