"""Archive: several MP3s as one zip, made while it is sent, of a length that is known before: nothing is compressed."""

from __future__ import annotations

from typing import Any

from zipstream import ZipStream

from functions.backends.files import Files, Reader
from functions.backends.jobs import Jobs
from functions.common import errors, filenames, ids
from functions.common.errors import Failure
from functions.download import delivery

_MOST_JOBS = 100


def wanted(names: str) -> list[str]:
    """Return the ids in a list with commas, each once. Raises Failure: INVALID_IDS, or NOT_FOUND for what is no id."""
    found = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if not 1 <= len(found) <= _MOST_JOBS:
        raise Failure(errors.INVALID_IDS)
    if not all(map(ids.is_id, found)):
        raise Failure(errors.NOT_FOUND)
    return found


def zipped(job_ids: list[str], owner: str, jobs: Jobs, files: Files) -> ZipStream:
    """Return the zip with the MP3s of these jobs of a user.

    Raises Failure as `delivery.open_mp3` does, with the id of the job. An MP3 that cannot be read later raises one
    while the zip is read.
    """
    archive = ZipStream(sized=True)
    opened = [_open(job_id, owner, jobs, files) for job_id in job_ids]
    names = filenames.unique(filenames.of_mp3(filenames.clean(job["filename"])) for job, _ in opened)
    for (_, reader), name in zip(opened, names, strict=True):
        archive.add(reader.blocks(), name, size=reader.length)
    return archive


def _open(job_id: str, owner: str, jobs: Jobs, files: Files) -> tuple[Any, Reader]:
    job = jobs.find_owned(job_id, owner)
    try:
        return job, delivery.open_mp3(job, files)
    except Failure as failure:
        failure.more["id"] = job_id
        raise
