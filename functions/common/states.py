"""Public states: the words that every answer uses for the state of a job."""

from __future__ import annotations

from functions.common import transitions

_PUBLIC = {transitions.RECEIVING: "uploading", transitions.READY: "queued"}


def public(state: str) -> str:
    """Return the public word for a state: uploading, queued, converting, done or failed.

    Only operators see `aborted` and `deleting`; for users, such a job does not exist.
    """
    return _PUBLIC.get(state, state)


# What users may see, by its public word.
INTERNAL = {
    public(state): state
    for state in (
        transitions.RECEIVING,
        transitions.READY,
        transitions.CONVERTING,
        transitions.DONE,
        transitions.FAILED,
    )
}
