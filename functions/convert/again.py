"""The same again: an MP3 that the same user has of the same video, copied with new tags instead of encoded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from functions.backends.files import MP3S, Files, Writer
from functions.backends.jobs import Jobs
from functions.common import crash
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.options import NO_PICTURE, Options
from functions.common.values import Document
from functions.convert import notes, version

_LOOKED_AT = 20  # of the jobs with the same video, the latest


def find(job: Document, options: Options, jobs: Jobs) -> Document | None:
    """Return a finished job of the same user whose MP3 has the sound and the picture that this job asks for."""
    for other in jobs.finished(job["owner"], job["sha256"], _LOOKED_AT):
        if other["mp3"].get("version") != version.current():
            continue  # also one that has options which this version does not know
        theirs = Options.from_document(other["options"])
        if _sound(theirs) == _sound(options) and options.cover in (theirs.cover, NO_PICTURE):
            return other
    return None


def copy(
    found: Document, options: Options, files: Files, writer: Writer, beat: Callable[[], None]
) -> tuple[Document, Document]:
    """Write the MP3 of a found job with the tags that these options ask for.

    Return what a job tells of it, and what is stored beside it.

    Raises Failure(UNAVAILABLE) if its bytes are gone, or not those that were stored.
    """
    # mutagen loads for a copy alone.
    from functions.convert import tags

    mp3: Document = found["mp3"]
    reader = files.read(MP3S, mp3["file_id"])
    if reader is None:
        raise Failure(UNAVAILABLE)
    digest = hashlib.sha256()
    blocks = _passed(reader.blocks(), digest, beat)
    tag, rest = tags.split(blocks)
    texts = {name: getattr(options, name) or mp3["texts"].get(name) for name in tags.TEXTS}
    tag = tags.changed(tag, texts, with_cover=options.cover != NO_PICTURE)
    writer.write(tag)
    crash.point("again.between")
    for block in rest:
        writer.write(block)
    if digest.hexdigest() != mp3["sha256"]:
        raise Failure(UNAVAILABLE)
    told = [note for note in mp3["notes"] if note != notes.NO_COVER or options.cover != NO_PICTURE]
    made = mp3 | {"notes": told, "picture": tags.picture(tag)}
    return made, {name: value for name, value in reader.metadata.items() if name != "sha256"}


def _sound(options: Options) -> Options:
    """Return the options without those that only change tags."""
    return replace(options, cover=None, title=None, artist=None, album=None)


def _passed(blocks: Iterable[bytes], digest: hashlib._Hash, beat: Callable[[], None]) -> Iterator[bytes]:
    for block in blocks:
        digest.update(block)
        yield block
        beat()
