"""Delivery: open the MP3 for a download, or say why there is none (functions/README.md, Answers to people)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain
from typing import Any

from functions.backends.files import MP3S, Files, Reader
from functions.common import errors, states, transitions
from functions.common.errors import Failure

JPEG = "image/jpeg"

_RETRY_AFTER_SECONDS = 2
_JPEG_BEGINS = b"\xff\xd8\xff"


def open_mp3(job: dict[str, Any] | None, files: Files) -> Reader:
    """Return a reader of a job's MP3.

    Raises Failure: NOT_FOUND, NOT_READY, EXPIRED, UNAVAILABLE, or 422 with the code and sentence of a failed job.
    """
    if job is None or job["state"] == transitions.ABORTED:
        raise Failure(errors.NOT_FOUND)
    if job["state"] == transitions.FAILED:
        raise Failure(errors.of_job(job["error"]))
    if job["state"] != transitions.DONE:
        raise Failure(errors.NOT_READY, {"Retry-After": str(_RETRY_AFTER_SECONDS)}, state=states.public(job["state"]))
    mp3 = job["mp3"]
    if mp3.get("expired_at"):
        raise Failure(errors.EXPIRED)
    reader = files.read(MP3S, mp3["file_id"])
    if reader is None:
        raise Failure(errors.UNAVAILABLE)
    return reader


def jpeg(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Return the blocks of a picture after reading the first. Raises Failure(NO_COVER) if it is no JPEG."""
    first = next(blocks, b"")
    # A block may have a single byte: a chunk may end anywhere in a picture.
    if not first or not _JPEG_BEGINS.startswith(first[: len(_JPEG_BEGINS)]):
        raise Failure(errors.NO_COVER)
    return chain([first], blocks)


def started(blocks: Iterator[bytes], seconds: float) -> Iterator[bytes]:
    """Return the blocks after reading the first, so that its failure can still be answered with an error.

    After `seconds`, they raise Failure: the client notices that the response is shorter than its Content-Length.
    """
    first = next(blocks, b"")
    return _within(chain([first], blocks), time.monotonic() + seconds)


def _within(blocks: Iterator[bytes], deadline: float) -> Iterator[bytes]:
    for block in blocks:
        if time.monotonic() > deadline:
            raise Failure(errors.UNAVAILABLE)
        yield block
