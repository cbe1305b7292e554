"""The public words for the states of a job."""

from __future__ import annotations

import pytest

from functions.common import states, transitions


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (transitions.RECEIVING, "uploading"),
        (transitions.READY, "queued"),
        (transitions.CONVERTING, "converting"),
        (transitions.DONE, "done"),
        (transitions.FAILED, "failed"),
    ],
)
def test_each_state_has_its_public_word(state: str, word: str) -> None:
    assert states.public(state) == word


def test_every_state_has_a_public_word() -> None:
    known = {state for row in transitions.TABLE for state in (*row.source, row.target) if state}
    words = {states.public(state) for state in known}
    assert words == {"uploading", "queued", "converting", "done", "failed", "aborted", "deleting"}
