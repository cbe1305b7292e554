"""The files that the chaos run uploads: real ones, small ones, each with what must become of it."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

LARGEST_BYTES = 400_000
LONGEST_SECONDS = 30
# The lengths in the index count the delay and padding of the encoder that measured them.
SHORTER, LONGER = 0.3, 0.05


@dataclass(frozen=True)
class Sample:
    """A file, and how long its sound is; None: it has none."""

    path: Path
    seconds: float | None

    @cached_property
    def sha256(self) -> str:
        """Return the hash of its bytes."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def wrong_end(self, job: Mapping[str, Any]) -> list[str]:
        """Say what is wrong with the job of an upload of this file that has ended."""
        about = f"{job['_id']} ({self.path.name})"
        if job["sha256"] != self.sha256:
            return [f"{about}: {job['size']} bytes were taken for it, and they are others"]
        if job["state"] == "failed":
            code = job["error"]["code"]
            # Whoever is killed at every try is given up in the end, and told so.
            right = code == "gave_up" or (code == "no_audio" and self.seconds is None)
            return [] if right else [f"{about}: failed with {code}"]
        made = job["mp3"]["duration"]
        if self.seconds is None or not -LONGER < self.seconds - made < SHORTER:
            return [f"{about}: an MP3 of {made} s where {self.seconds} s are due"]
        return []


def samples(folder: Path) -> list[Sample]:
    """Return the small files of the corpus that have sound, and those that surely have none."""
    with (folder / "corpus" / "INDEX.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    return [
        Sample(folder / "corpus" / row["file"], float(row["mp3_duration"]) if row["has_audio"] == "yes" else None)
        for row in rows
        if row["has_audio"] in ("yes", "no")
        and int(row["bytes"]) <= LARGEST_BYTES
        and float(row["mp3_duration"] or 0) <= LONGEST_SECONDS
    ]
