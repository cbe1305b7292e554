"""Ids: a random id that a job shares with its video and its download."""

from __future__ import annotations

import re
import uuid

_FORM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def new() -> str:
    """Return an id that cannot be guessed (UUID version 4, RFC 9562 section 5.4)."""
    return str(uuid.uuid4())


def is_id(text: object) -> bool:
    """Return whether this has the form of an id; anything else is never looked up."""
    return isinstance(text, str) and _FORM.fullmatch(text) is not None


def mp3_file(job_id: str, epoch: int) -> str:
    """Return the id of the MP3 that the conversion of this epoch stores."""
    return f"{job_id}.{epoch}"
