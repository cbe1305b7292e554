"""The chaos run's schedule depends only on its seed, and each file's outcome is checked."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import corpus, schedule
from tests.chaos.corpus import Sample

SECONDS = 60.0
FOLDER = Path("files")


def test_a_seed_gives_one_schedule() -> None:
    """The same seed gives the same schedule, another seed a different one."""
    samples = corpus.samples(FOLDER)
    assert schedule.faults(7, SECONDS) == schedule.faults(7, SECONDS) != schedule.faults(8, SECONDS)
    assert schedule.uploads(7, SECONDS, samples) == schedule.uploads(7, SECONDS, samples)
    assert schedule.uploads(7, SECONDS, samples) != schedule.uploads(8, SECONDS, samples)


@pytest.mark.parametrize("seed", range(20))
def test_fault_gaps_and_upload_rate(seed: int) -> None:
    """A fault starts every 0.5 to 3 s; at least 100 uploads start per minute."""
    faults = schedule.faults(seed, SECONDS)
    assert all(0.5 <= later.at - sooner.at <= 3.0 for sooner, later in pairwise(faults))
    assert all(fault.at < SECONDS for fault in faults)
    assert len(schedule.uploads(seed, SECONDS, corpus.samples(FOLDER))) >= 100


def test_every_kind_of_fault_occurs() -> None:
    seen = {fault.kind for seed in range(20) for fault in schedule.faults(seed, SECONDS)}
    assert seen == set(schedule.KINDS)


@pytest.mark.parametrize(
    ("seconds", "ended", "words"),
    [
        (3.0, {"state": "done", "mp3": {"duration": 2.9}}, ""),
        (3.0, {"state": "done", "mp3": {"duration": 1.4}}, "1.4 s instead of 3.0 s"),
        (None, {"state": "done", "mp3": {"duration": 1.4}}, "1.4 s instead of None s"),
        (None, {"state": "failed", "error": {"code": "no_audio"}}, ""),
        (3.0, {"state": "failed", "error": {"code": "no_audio"}}, "failed with no_audio"),
        (3.0, {"state": "failed", "error": {"code": "undecodable"}}, "failed with undecodable"),
        (3.0, {"state": "failed", "error": {"code": "gave_up"}}, ""),
        (3.0, {"state": "done", "mp3": {"duration": 2.9}, "sha256": "another"}, "7 other bytes were stored"),
    ],
)
def test_a_wrong_outcome_is_found(seconds: float | None, ended: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = tmp_path / "video"
    path.write_bytes(b"a video")
    sample = Sample(path, seconds)
    wrong = sample.problems({"_id": "a", "size": 7, "sha256": sample.sha256} | ended)
    assert (words in wrong[0]) if words else wrong == []
