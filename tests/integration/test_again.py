"""The same again: what a user has of a video is copied with new tags, and anything else is encoded."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import pytest
from mutagen.id3 import ID3
from pymongo.database import Database

from functions.backends.files import MP3S, VIDEOS, Files
from functions.backends.jobs import Jobs
from functions.backends.queue import Queue
from functions.backends.usage import Usage
from functions.common import ids, transitions
from functions.common.config import load
from functions.common.options import Options
from functions.common.settings import Broker, Periods
from functions.common.values import Document
from functions.common.waveform import Waveform
from functions.convert import conversion, tags, version
from functions.convert.engine import Made
from functions.convert.metadata import Chapter
from functions.convert.watch import Watch
from tests.integration.states import Clock

PERIODS = load(Periods, {})
DOWN = Queue(Broker("amqp://a:b@127.0.0.1:1/x", 1.0))  # unreachable, because events are only hints
FRAMES = bytes(range(256)) * 20_000  # more than a batch
OWN = {"title": "The video's title", "artist": "Its artist"}


class Converter:
    """Runs conversions, and counts those that encode."""

    def __init__(self, database: Database[dict[str, Any]], clock: Clock) -> None:
        self.jobs, self.files = Jobs(database["jobs"], clock, PERIODS), Files(database)
        self.clock = clock
        self.encoded = 0

    def accepted(self, video: bytes, options: Options, owner: str) -> str:
        """Add a job that waits for its conversion."""
        job_id = ids.new()
        self.clock.advance(seconds=1)
        self.jobs.receive(job_id, owner=owner, email="a@example.org", filename="a.mp4", options={}, traceparent=None)
        with self.files.write(VIDEOS, job_id) as writer:
            writer.write(video)
            digest = writer.finish()
        given = {"size": len(video), "sha256": digest, "options": options.to_document()}
        assert self.jobs.apply(transitions.ACCEPT, job_id, epoch=0, **given)
        return job_id

    def convert(self, video: bytes = b"a video", options: Options | None = None, owner: str = "1") -> Document:
        """Convert a video; return the job."""
        job_id = self.accepted(video, options or Options(), owner)
        self.run(job_id)
        job = self.jobs.find(job_id)
        assert job is not None
        return job

    def run(self, job_id: str) -> None:
        """Run the step once."""
        usage = Usage(self.jobs._collection.database["usage"], self.jobs)
        ports = {"jobs": self.jobs, "files": self.files, "queue": DOWN, "usage": usage}
        conversion.run(job_id, **ports, encode=self.encode, holder="h", stopping=threading.Event())  # type: ignore[arg-type]

    def encode(self, _source: Path, target: Path, options: Options, _watch: Watch) -> Made:
        """Stand in for the engine, which is tested by itself."""
        self.encoded += 1
        texts = OWN | {name: value for name in tags.TEXTS if (value := getattr(options, name))}
        picture = None if options.cover == "none" else b"\xff\xd8picture"
        tag = tags.encoded(**texts, chapters=(Chapter(0.0, 1.0, "First"),), cover=picture)
        target.write_bytes(tag + FRAMES)
        notes = ("no_cover", "limited") if isinstance(options.cover, float) else ("limited",)
        chapters = (Chapter(0.0, 1.0, "First"),)
        waveform, place = Waveform(10, 1, b"abcd"), tags.picture(tag)
        return Made(2.5, notes, waveform=waveform, texts=OWN, chapters=chapters, picture=place)

    def stored(self, job: Document) -> bytes:
        """Return a job's MP3."""
        reader = self.files.read(MP3S, job["mp3"]["file_id"])
        assert reader is not None
        assert reader.length == job["mp3"]["length"]
        assert reader.metadata["sha256"] == job["mp3"]["sha256"]
        assert reader.metadata["waveform"]
        assert (job["mp3"]["chapters"], reader.metadata["chapters"]) == (1, [[0.0, 1.0, "First"]])
        content, place = b"".join(reader.blocks()), job["mp3"]["picture"]
        assert [content[slice(*each)] for each in (place,) if each] == [each.data for each in pictures_in(content)]
        return content


@pytest.fixture
def converter(database: Database[dict[str, Any]], clock: Clock) -> Converter:
    return Converter(database, clock)


def parts(content: bytes) -> tuple[Any, bytes]:
    """Return the tag and the frames of an MP3."""
    tag, rest = tags.split(iter([content]))
    return ID3(io.BytesIO(tag)), b"".join(rest)


def pictures_in(content: bytes) -> list[Any]:
    """Return the pictures in an MP3's tag."""
    found: list[Any] = parts(content)[0].getall("APIC")
    return found


@pytest.mark.parametrize(
    ("first", "second", "title", "artist", "album", "pictures"),
    [
        (Options(), Options(), OWN["title"], OWN["artist"], None, 1),
        (Options(), Options(title="Zoë", album="An album"), "Zoë", OWN["artist"], "An album", 1),
        (Options(title="x" * 300, album="y"), Options(artist="z"), OWN["title"], "z", None, 1),
        (Options(title="x", bitrate=64), Options(title="y", bitrate=64), "y", OWN["artist"], None, 1),
        (Options(), Options(cover="none"), OWN["title"], OWN["artist"], None, 0),
        (Options(cover=1.0), Options(cover="none"), OWN["title"], OWN["artist"], None, 0),
        (Options(cover="none"), Options(cover="none"), OWN["title"], OWN["artist"], None, 0),
    ],
)
def test_the_same_sound_is_copied(
    converter: Converter, first: Options, second: Options, title: str, artist: str, album: str | None, pictures: int
) -> None:
    earlier, later = converter.convert(options=first), converter.convert(options=second)
    assert converter.encoded == 1
    tag, frames = parts(converter.stored(later))
    assert frames == FRAMES
    assert [str(tag[name]) if name in tag else None for name in ("TIT2", "TPE1", "TALB")] == [title, artist, album]
    assert len(tag.getall("APIC")) == pictures
    assert [str(each.sub_frames["TIT2"]) for each in tag.getall("CHAP")] == ["First"]
    assert later["state"] == transitions.DONE
    assert later["mp3"]["file_id"] == f"{later['_id']}.1" != earlier["mp3"]["file_id"]
    assert later["mp3"]["notes"] == ["limited"] if second.cover == "none" else earlier["mp3"]["notes"]
    same = ("duration", "others", "texts", "chapters", "version")
    assert [later["mp3"][name] for name in same] == [earlier["mp3"][name] for name in same]
    # A copy of the copy is one of the first.
    assert parts(converter.stored(converter.convert(options=first)))[1] == FRAMES
    assert converter.encoded == 1


@pytest.mark.parametrize(
    ("video", "options", "owner"),
    [
        (b"another video", Options(), "1"),
        (b"a video", Options(bitrate=64), "1"),
        (b"a video", Options(start=1.0), "1"),
        (b"a video", Options(cover=2.0), "1"),
        (b"a video", Options(), "2"),
    ],
)
def test_anything_else_is_encoded(converter: Converter, video: bytes, options: Options, owner: str) -> None:
    converter.convert()
    converter.convert(video, options, owner)
    assert converter.encoded == 2


def test_what_a_picture_was_left_out_of_gets_one(converter: Converter) -> None:
    converter.convert(options=Options(cover="none"))
    assert len(parts(converter.stored(converter.convert()))[0].getall("APIC")) == 1
    assert converter.encoded == 2


def test_an_mp3_of_another_version_is_not_copied(converter: Converter, monkeypatch: pytest.MonkeyPatch) -> None:
    converter.convert()
    monkeypatch.setattr(version, "current", lambda: "a later one")
    converter.convert()
    assert converter.encoded == 2


def test_jobs_without_an_mp3_are_not_copied(converter: Converter) -> None:
    """Not one that is deleted, nor one whose MP3 has expired, nor one that waits."""
    deleted, expired = converter.convert(), converter.convert(options=Options(bitrate=64))
    assert converter.jobs.apply(transitions.DELETE, deleted["_id"], epoch=deleted["epoch"])
    converter.clock.advance(days=PERIODS.mp3_keep_days)
    assert converter.jobs.apply(transitions.EXPIRE_MP3, expired["_id"], epoch=expired["epoch"])
    converter.accepted(b"a video", Options(), "1")
    converter.convert()
    converter.convert(options=Options(bitrate=64))
    assert converter.encoded == 4


@pytest.mark.parametrize("damage", ["file", "chunk", "byte"])
def test_an_mp3_that_is_damaged_is_made_again(converter: Converter, damage: str) -> None:
    """The job waits once, and the next attempt encodes."""
    earlier = converter.convert()
    database = converter.jobs._collection.database
    of_it = {"files_id": earlier["mp3"]["file_id"], "n": 1}
    if damage == "file":
        converter.files.delete(MP3S, earlier["mp3"]["file_id"])
    elif damage == "chunk":
        database["mp3s.chunks"].delete_one(of_it)
    else:
        chunk = database["mp3s.chunks"].find_one(of_it)
        assert chunk is not None
        database["mp3s.chunks"].update_one(of_it, {"$set": {"data": chunk["data"][:-1] + b"\x01"}})
    later = converter.convert()
    assert (later["state"], converter.encoded) == (transitions.READY, 1)
    assert converter.files.read(MP3S, f"{later['_id']}.1") is None
    converter.clock.advance(seconds=PERIODS.backoff(1))
    converter.run(later["_id"])
    done = converter.jobs.find(later["_id"])
    assert done is not None
    assert (done["state"], converter.encoded) == (transitions.DONE, 2)
    assert parts(converter.stored(done))[1] == FRAMES


def test_the_version_is_of_all_that_makes_the_sound() -> None:
    assert len(version.current()) == 16
