"""States as people and programs see them: one mapping for every answer."""

from __future__ import annotations

from functions.common import transitions

_PUBLIC = {transitions.RECEIVING: "uploading", transitions.READY: "queued"}


def public(state: str) -> str:
    """Return the word that answers use for a job's state: uploading, queued, converting, done or failed.

    Operators also see `aborted` and `deleting`; to everybody else such a job does not exist.
    """
    return _PUBLIC.get(state, state)
