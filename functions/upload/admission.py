"""Admission: a place in the user's quotas, and an Idempotency-Key, for each upload (functions/README.md, Quotas)."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from flask import Request

from functions.backends.files import Files
from functions.backends.idempotency_keys import Key, Keys
from functions.backends.jobs import Jobs
from functions.backends.usage import Full, Place, Usage
from functions.common import ids, quotas, transitions
from functions.common.errors import INVALID_KEY, Failure
from functions.common.settings import RENEWALS_A_LEASE, Quotas
from functions.common.values import Document

_log = logging.getLogger(__name__)

_HEADER = "Idempotency-Key"
# A String of RFC 9651, or the same without quotes, as many clients send it.
_KEY = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\]){1,255})"|([!#-+\--:<-\[\]-~]{1,255})')


class Stores(NamedTuple):
    """What upload keeps in MongoDB."""

    jobs: Jobs
    files: Files
    usage: Usage
    keys: Keys


class Admitted(NamedTuple):
    """The id of the job that an upload will become, its place in the quotas, and how it is kept until then."""

    job_id: str
    place: Place
    keep: Callable[[], None]


def key_of(request: Request) -> str | None:
    """Return the request's Idempotency-Key. Raises Failure(INVALID_KEY)."""
    fields = request.headers.getlist(_HEADER)
    if not fields:
        return None
    found = _KEY.fullmatch(fields[0].strip(" ")) if len(fields) == 1 else None
    if found is None:
        raise Failure(INVALID_KEY)
    quoted, bare = found.groups()
    return bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)


@contextmanager
def admitted(user: str, size: int, key: Key | None, limits: Quotas, stores: Stores) -> Iterator[Admitted]:
    """Give an upload of this size a place, and its job the key; take both back if the block raises and stored no job.

    Raises Failure with the quota that is used up, or KEY_IN_USE.
    """
    job_id, began = ids.new(), time.monotonic()

    def keep() -> None:
        # Both are held to be a dead upload's after a lease without a job, and the first bytes may take long.
        if time.monotonic() - began > stores.jobs.periods.upload_lease / RENEWALS_A_LEASE:
            place.renew()
            if key:
                stores.keys.renew(key, job_id)

    try:
        place = stores.usage.reserve(user, job_id, size, limits)
        try:
            if key:
                stores.keys.take(key, job_id)
            yield Admitted(job_id, place, keep)
        except BaseException:
            _give_up(job_id, key, place, stores)
            raise
    except Full as full:
        raise quotas.refusal(full.over, full.every) from None


def settle(admitted: Admitted, job: Document) -> None:
    """End the place of an upload whose job has been stored; the next count does if this fails."""
    try:
        admitted.place.settle(job["size"])
    except Failure as failure:
        _log.warning("not settled; the next count does", extra={"job": job["_id"], "cause": repr(failure.__cause__)})


def _give_up(job_id: str, key: Key | None, place: Place, stores: Stores) -> None:
    """Take back what an upload was given, if it is certain that it stored no job; otherwise the next count does."""
    try:
        job = stores.jobs.find(job_id)
        if job is None or job["state"] == transitions.ABORTED:
            place.give_back()
            if key:
                stores.keys.release(key, job_id)
    except Failure as failure:
        _log.warning("not given back; the next count does", extra={"job": job_id, "cause": repr(failure.__cause__)})
