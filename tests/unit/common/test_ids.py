"""Ids: random, in one format, and never a file name."""

from __future__ import annotations

import uuid

import pytest

from functions.common import ids

JOB = "376b7472-1f38-4307-b0c5-8df8aa6286ed"


def test_new_ids_are_random_and_well_formed() -> None:
    made = {ids.new() for _ in range(100)}
    assert len(made) == 100
    assert all(ids.is_id(each) and uuid.UUID(each).version == 4 for each in made)


@pytest.mark.parametrize("variant", "89ab")
def test_every_variant_of_rfc_9562_is_an_id(variant: str) -> None:
    assert ids.is_id(f"00000000-0000-4000-{variant}000-000000000000")


@pytest.mark.parametrize(
    "text",
    [
        "",
        JOB.upper(),
        JOB.replace("-", ""),
        f"{{{JOB}}}",
        f"urn:uuid:{JOB}",
        f"{JOB}\n",
        f" {JOB}",
        f"{JOB} ",
        f"{JOB}.1",
        JOB[:-1],
        f"{JOB}0",
        JOB.replace("-", "\u2010"),
        JOB.replace("1", "\u0661"),
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "00000000-0000-1000-8000-000000000000",
        "00000000-0000-7000-8000-000000000000",
        "00000000-0000-4000-7000-000000000000",
        "00000000-0000-4000-c000-000000000000",
        "../../../../../../../etc/passwd00000",
        None,
        7,
        JOB.encode(),
        uuid.UUID(JOB),
        [JOB],
        {"$gt": ""},
    ],
    ids=repr,
)
def test_anything_else_is_not_an_id(text: object) -> None:
    """An invalid id is never looked up, neither in a query nor as a path."""
    assert not ids.is_id(text)


def test_the_id_of_an_mp3_file_is_not_a_job_id() -> None:
    """A file is opened through its job, which has the owner."""
    assert ids.mp3_file(JOB, 12) == f"{JOB}.12"
    assert not ids.is_id(ids.mp3_file(JOB, 12))
