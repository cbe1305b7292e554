"""A private podcast through every door: one address for players, which follows the user's jobs until it ends."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import feedparser
from mutagen.id3 import ID3
from PIL import Image

from tests.clients import web
from tests.clients.database import Inspector
from tests.e2e.conftest import Person, Urls
from tests.e2e.test_jobs import ask
from tests.media.samples import made
from tests.media.tone import assert_tone


def read(url: str) -> Any:
    """Return a feed as feedparser reads it, which must find nothing wrong."""
    answer = web.call("GET", url)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/rss+xml; charset=utf-8")
    found = feedparser.parse(answer.body)
    assert (found.bozo, found.version) == (False, "rss20")
    return found


def new_feed(jobs: str, user: Person) -> str:
    """Make a user's feed; return its address."""
    answer = ask("POST", f"{jobs}/feed", user.token)
    assert answer.status == 201
    url: str = answer.json()["url"]
    return url


def test_the_life_of_a_podcast(
    route: Urls, third_user: Person, other_user: Person, video: Path, inspector: Inspector
) -> None:
    jobs = route("jobs")
    fid = web.uploaded(route("upload"), third_user.token, video, "a talk & more.mp4")
    inspector.done(fid)
    url = new_feed(jobs, third_user)
    secret = url.rpartition("/")[2]

    found = read(url)

    (entry,) = found.entries
    assert (entry.id, entry.title) == (fid, "a talk & more")
    assert (found.feed.itunes_block, found.feed.title) == (1, "Your MP3s")
    (enclosure,) = entry.enclosures
    assert urlsplit(enclosure.href).path.endswith(f"/{fid}.mp3")
    episode = web.call("GET", enclosure.href)
    assert (episode.status, episode.headers["Content-Type"]) == (200, enclosure.type)
    assert len(episode.body) == int(enclosure.length)
    assert_tone(episode.body, 440, 3.0)
    part = web.call("GET", enclosure.href, headers={"Range": "bytes=0-1"})
    assert (part.status, part.body) == (206, episode.body[:2])

    first = web.call("GET", f"{jobs}?feed={secret}")
    assert (first.status, first.body) == (200, web.call("GET", f"{jobs}/feed/{secret}").body)
    known = web.call("GET", url, headers={"If-None-Match": first.headers["ETag"] or ""})
    assert (known.status, known.body) == (304, b"")
    head = web.call("HEAD", url)
    assert (head.status, head.body, head.headers["ETag"]) == (200, b"", first.headers["ETag"])
    assert head.headers["Content-Length"] == str(len(first.body))

    assert read(new_feed(jobs, other_user)).entries == []
    assert ask("DELETE", f"{jobs}?feed", other_user.token).status == 204
    assert web.call("GET", url).status == 200

    assert ask("DELETE", f"{jobs}/{fid}/link", third_user.token).status == 204
    assert web.call("GET", enclosure.href).status == 401
    (again,) = read(url).entries[0].enclosures
    assert web.call("GET", again.href).body == episode.body

    second = new_feed(jobs, third_user)
    assert [web.call("GET", each).status for each in (url, second)] == [404, 200]
    assert ask("DELETE", f"{jobs}/feed", third_user.token).status == 204
    gone, unknown = (web.call("GET", each) for each in (second, f"{jobs}/feed/unknown"))
    assert [gone.status, unknown.status] == [404, 404]
    assert gone.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}


def test_pictures(route: Urls, third_user: Person, video: Path, inspector: Inspector) -> None:
    """An episode's is the one in its MP3, by the same link; it ends with that. The podcast's own needs none."""
    fid = web.uploaded(route("upload"), third_user.token, video, cover="1")
    inspector.done(fid)
    feed = new_feed(route("jobs"), third_user)
    found = read(feed)
    own = web.call("GET", found.feed.image.href)
    assert (own.status, own.headers["Content-Type"]) == (200, "image/png")
    assert Image.open(io.BytesIO(own.body)).size == (1400, 1400)
    (entry,) = (each for each in found.entries if each.id == fid)
    (enclosure,) = entry.enclosures
    (attached,) = ID3(io.BytesIO(web.call("GET", enclosure.href).body)).getall("APIC")
    cover = web.call("GET", entry.image.href)
    assert (cover.status, cover.headers["Content-Type"], cover.body) == (200, "image/jpeg", attached.data)
    assert Image.open(io.BytesIO(cover.body)).format == "JPEG"
    assert cover.headers["X-Content-Type-Options"] == "nosniff"
    assert web.call("GET", entry.image.href, headers={"If-None-Match": cover.headers["ETag"] or ""}).status == 304
    assert ask("DELETE", f"{route('jobs')}/{fid}/link", third_user.token).status == 204
    assert web.call("GET", entry.image.href).status == 401


def test_chapters(
    url: Urls, third_user: Person, other_user: Person, video: Path, tmp_path: Path, inspector: Inspector
) -> None:
    """The video's chapters are listed for players, by the same link as the episode."""
    described = tmp_path / "chapters.txt"
    described.write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=Hello \u00fc\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=3000\ntitle=Goodbye\n"
    )
    source = made(tmp_path / "chapters.mkv", "-i", str(video), "-i", str(described), "-c", "copy", "-map_chapters", "1")
    fid = web.uploaded(url("upload"), third_user.token, source)
    inspector.done(fid)
    feed = web.call("GET", new_feed(url("jobs"), third_user))
    (entry,) = feedparser.parse(feed.body).entries
    assert entry.podcast_chapters["type"] == "application/json+chapters"
    listed = web.call("GET", entry.podcast_chapters["url"])
    assert (listed.status, listed.headers["Content-Type"]) == (200, "application/json+chapters")
    first, second = listed.json()["chapters"]
    assert (first["title"], second["title"]) == ("Hello \u00fc", "Goodbye")
    assert (round(first["startTime"], 1), round(second["startTime"], 1)) == (0.0, 1.0)
    own = f"{url('download')}?chapters&fid={fid}"
    assert web.call("GET", own, headers=web.bearer(third_user.token)).body == listed.body
    assert web.call("GET", own, headers=web.bearer(other_user.token)).status == 404
