"""The feed: a podcast that players accept, for whoever has its secret, and with no other secret in it."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.wrappers import Response

from functions.backends import feeds, jobs
from functions.common import links, transitions
from functions.common.errors import Failure
from functions.common.settings import SignedLinks
from functions.jobs import feed, podcast
from tests.integration import states
from tests.unit.in_memory import System
from tests.unit.jobs.test_step import LOADED, OWNER, STRANGER, ask, document, refusal

ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
NOW = 1_800_000_000.0
DAY = 86_400


class Time:
    """The process's clock, which signs links."""

    def __init__(self) -> None:
        self.now = NOW

    def time(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(podcast, "time", made)  # not the clock of tokens
    return made


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    made = System()
    monkeypatch.setattr(jobs, "connect", lambda: made.jobs)
    monkeypatch.setattr(feeds, "connect", lambda: made.feeds)
    return made


def made(target: str = "/feed") -> str:
    """Make the owner's feed; return its address below the function."""
    answer = ask("POST", target)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    url: str = document(answer)["url"]
    assert url.startswith("https://example.org/jobs/feed/")
    return url.removeprefix("https://example.org/jobs")


def got(target: str, fields: dict[str, str] | None = None) -> Response:
    """Get a feed, without a token."""
    return ask("GET", target, None, fields=fields)


def tree(body: bytes) -> ElementTree.Element:
    """Return a feed's elements; it must be well-formed."""
    return ElementTree.fromstring(body)  # noqa: S314 our own


def parsed(target: str) -> Any:
    """Return a feed as feedparser reads it, which must find nothing wrong."""
    found = feedparser.parse(got(target).get_data())
    assert (found.bozo, found.version) == (False, "rss20")
    return found


def change(system: System, job_id: str, **fields: Any) -> None:
    """Change fields of a job's document."""
    system.database["jobs"].documents[job_id].update(fields)


def linked(entry: Any) -> links.Download:
    """Return what an entry's enclosure leads to."""
    (enclosure,) = entry.enclosures
    return links.read(parse_qs(urlsplit(enclosure.href).query)["link"][0], LOADED[SignedLinks])


def test_a_feed_has_the_jobs_that_are_done_newest_first(system: System) -> None:
    first = states.done(system.sweeper)
    system.clock.advance(hours=1)
    states.failed(system.sweeper)
    states.ready(system.sweeper)
    second = states.done(system.sweeper)
    change(system, states.done(system.sweeper), owner=STRANGER.user)
    found = parsed(made())
    assert [entry.id for entry in found.entries] == [second, first]
    assert [linked(entry) for entry in found.entries] == [links.Download(second, 0), links.Download(first, 0)]
    assert [(e.type, e.length) for entry in found.entries for e in entry.enclosures] == [("audio/mpeg", "5")] * 2


def test_what_podcast_players_ask_for(system: System) -> None:
    """Apple's requirements for a podcast and its episodes, as far as they concern a private one, and RSS 2.0's own."""
    job_id = states.done(system.sweeper)
    change(system, job_id, link_version=3)
    system.database["jobs"].documents[job_id]["mp3"]["duration"] = 3725.6
    target = made()
    answer = got(target)
    assert answer.content_type == "application/rss+xml; charset=utf-8"
    root = tree(answer.get_data())
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    (channel,) = root
    for name in ("title", "link", "description", f"{ITUNES}explicit"):
        assert channel.findtext(name), name
    assert channel.findtext(f"{ITUNES}block") == "yes"
    (itself,) = channel.findall("{http://www.w3.org/2005/Atom}link")
    assert itself.attrib == {"rel": "self", "type": "application/rss+xml", "href": f"https://example.org/jobs{target}"}
    (item,) = channel.findall("item")
    (guid,) = item.findall("guid")
    assert (guid.text, guid.attrib) == (job_id, {"isPermaLink": "false"})
    (enclosure,) = item.findall("enclosure")
    assert enclosure.attrib.keys() == {"url", "length", "type"}
    address = urlsplit(enclosure.attrib["url"])
    assert (address.scheme, address.path) == ("https", f"/download/{job_id}.mp3")
    assert item.findtext("pubDate") == "Fri, 01 May 2026 00:00:00 GMT"
    assert parsedate_to_datetime(str(item.findtext("pubDate"))) == system.document(job_id)["created_at"]
    assert item.findtext(f"{ITUNES}duration") == "3726"
    (entry,) = parsed(target).entries
    assert linked(entry) == links.Download(job_id, 3)


def test_chapters_are_linked_where_there_are_some(system: System) -> None:
    with_some, _ = states.done(system.sweeper), states.done(system.sweeper)
    system.database["jobs"].documents[with_some]["mp3"]["chapters"] = 2
    found = {}
    for item in tree(got(made()).get_data()).iter("item"):
        found[item.findtext("guid")] = item.findall("{https://podcastindex.org/namespace/1.0}chapters")
    (element,) = found.pop(with_some)
    assert list(found.values()) == [[]]
    assert element.attrib.keys() == {"url", "type"}
    assert element.attrib["type"] == "application/json+chapters"
    address = urlsplit(element.attrib["url"])
    assert (address.netloc, address.path) == ("example.org", "/download/chapters")
    link = links.read(parse_qs(address.query)["link"][0], LOADED[SignedLinks])
    assert link == links.Download(with_some, 0)


def test_pictures_are_linked_where_there_are_some(system: System) -> None:
    """The podcast has one in any case."""
    with_one, _ = states.done(system.sweeper), states.done(system.sweeper)
    change(system, with_one, link_version=2)
    system.database["jobs"].documents[with_one]["mp3"]["picture"] = [100, 200]
    (channel,) = tree(got(made()).get_data())
    (image,) = channel.findall(f"{ITUNES}image")
    assert image.attrib == {"href": "https://example.org/jobs/picture.png"}
    assert ask("GET", "/picture.png", None).content_type == "image/png"
    found = {item.findtext("guid"): item.findall(f"{ITUNES}image") for item in channel.iter("item")}
    (image,) = found.pop(with_one)
    assert list(found.values()) == [[]]
    address = urlsplit(image.attrib["href"])
    assert (address.netloc, address.path) == ("example.org", f"/download/{with_one}.jpg")
    query = parse_qs(address.query)
    assert query["cover"] == ["1"]
    assert links.read(query["link"][0], LOADED[SignedLinks]) == links.Download(with_one, 2)


@pytest.mark.parametrize(
    ("filename", "options", "texts", "title"),
    [
        ("a talk.v2.mp4", {}, {"title": "own"}, "a talk.v2"),
        ("a.mp4", {"title": '<b> & "q" \']]>'}, {"title": "own"}, '<b> & "q" \']]>'),
        ("video", {}, {"title": "own"}, "own"),
        ("video", {}, {}, "video"),
        ("video", {"title": "asked"}, {"title": "own"}, "asked"),
        ("évènement 🎉.mov", {"bitrate": 64}, None, "évènement 🎉"),
    ],
)
def test_titles(filename: str, options: Any, texts: Any, title: str, system: System) -> None:
    job_id = states.done(system.sweeper)
    change(system, job_id, filename=filename, options=options)
    system.database["jobs"].documents[job_id]["mp3"] |= {"texts": texts} if texts is not None else {}
    root = tree(got(made()).get_data())
    assert [item.findtext("title") for item in root.iter("item")] == [title]


@pytest.mark.attack("S12")
@settings(deadline=None)
@given(st.text(st.characters()), st.text(st.characters()), st.text(st.characters()))
def test_no_text_breaks_the_feed(filename: str, title: str, own: str) -> None:
    """Also what XML has no form for: control characters, lone surrogates, U+FFFE and U+FFFF."""
    job = {
        "_id": "376b7472-1f38-4307-b0c5-8df8aa6286ed",
        "filename": filename,
        "options": {"title": title},
        "mp3": {"length": 5, "duration": 0.01, "texts": {"title": own}},
        "created_at": states.Clock()(),
    }
    for options in (job["options"], {}):
        root = tree(podcast.rss([job | {"options": options}], "https://x/?a&<", LOADED))
        (item,) = root.iter("item")
        assert [each.tag.rpartition("}")[2] for each in item] == ["title", "guid", "pubDate", "enclosure", "duration"]
        assert str(item.findtext("title")).strip()
        assert item.findtext(f"{ITUNES}duration") == "1"


@pytest.mark.parametrize(
    "name",
    ["\0a\x01\x08\x0b\x1b[31m\x7f\x85b", "\ud800a\udfff", "\ufffe\uffff", "\u202ea", "]]>", "<?xml?><!--", "&#0;"],
)
def test_hostile_names_are_well_formed(name: str, system: System) -> None:
    for field in ("filename", "title"):
        given = {"filename": name} if field == "filename" else {"options": {"title": name}}
        change(system, states.done(system.sweeper), **given)
    root = tree(podcast.rss(system.database["jobs"].documents.values(), "https://x", LOADED))
    assert len(list(root.iter("item"))) == 2


def test_no_other_secret_is_in_a_feed(system: System) -> None:
    """Neither who the user is, nor a token; the links end, and open one MP3 each."""
    states.done(system.sweeper)
    target = made()
    body = got(target).get_data(as_text=True)
    secret = target.removeprefix("/feed/")
    assert body.count(secret) == 1
    for hidden in (OWNER.email, "traceparent", "sha256", ".eyJ", LOADED[SignedLinks].link_secret):
        assert hidden not in body


def test_an_empty_feed_is_one(system: System) -> None:
    assert parsed(made()).entries == []


def test_a_feed_has_the_newest_hundred(system: System) -> None:
    for _ in range(feed._MOST_ITEMS + 1):
        newest = states.done(system.sweeper)
        system.clock.advance(seconds=1)
    found = parsed(made())
    assert (len(found.entries), found.entries[0].id) == (100, newest)


def test_what_has_expired_or_was_deleted_is_not_in_it(system: System) -> None:
    first, second = states.done(system.sweeper), states.done(system.sweeper)
    target = made()
    assert len(parsed(target).entries) == 2
    states.take(system.sweeper, transitions.DELETE, first, epoch=1)
    assert [entry.id for entry in parsed(target).entries] == [second]
    system.clock.advance(days=2)
    states.take(system.sweeper, transitions.EXPIRE_MP3, second, epoch=1)
    assert parsed(target).entries == []


@pytest.mark.parametrize("target", ["/feed", "/feed/", "/?feed", "/?feed=", "/?feed=1"])
def test_every_address_of_a_feed(target: str, system: System) -> None:
    """At `/` too, for clients that reach nothing else."""
    shown = made(target)
    secret = shown.removeprefix("/feed/")
    body = got(shown).get_data()
    for same in (f"{shown}/", f"/?feed={secret}", f"/feed//{secret}"):
        assert got(same).get_data() == body
    head = ask("HEAD", shown, None)
    assert (head.status_code, head.get_data(), int(head.headers["Content-Length"])) == (200, b"", len(body))
    assert {name: head.headers[name] for name in ("ETag", "Last-Modified", "Content-Type")} == {
        name: got(shown).headers[name] for name in ("ETag", "Last-Modified", "Content-Type")
    }
    assert ask("DELETE", target).status_code == 204
    assert refusal(got(shown)) == (404, "not_found")
    assert ask("DELETE", target).status_code == 204


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("GET", "/feed", "POST, DELETE, OPTIONS"),
        ("GET", "/?feed", "POST, DELETE, OPTIONS"),
        ("POST", "/feed/x", "GET, HEAD, OPTIONS"),
        ("DELETE", "/feed/x", "GET, HEAD, OPTIONS"),
        ("PUT", "/?feed=x", "POST, DELETE, GET, HEAD, OPTIONS"),
    ],
)
def test_other_methods(method: str, target: str, allowed: str, system: System) -> None:
    answer = ask(method, target)
    assert (*refusal(answer), answer.headers["Allow"]) == (405, "method_not_allowed", allowed)
    options = ask("OPTIONS", target, None)
    assert (options.status_code, options.headers["Allow"]) == (204, allowed)


def test_there_is_one_feed_per_user(system: System) -> None:
    """Making one again ends the former; nobody else can."""
    first = made()
    second = made()
    assert first != second
    assert [got(first).status_code, got(second).status_code] == [404, 200]
    theirs = document(ask("POST", "/feed", STRANGER))["url"].removeprefix("https://example.org/jobs")
    assert ask("DELETE", "/feed", STRANGER).status_code == 204
    assert [got(second).status_code, got(theirs).status_code] == [200, 404]
    for method in ("POST", "DELETE"):
        assert refusal(ask(method, "/feed", None)) == (401, "unauthorized")


def test_secrets_are_stored_as_hashes(system: System) -> None:
    texts = {made().removeprefix("/feed/") for _ in range(10)}
    assert len(texts) == 10
    (stored,) = system.database["feeds"].documents.values()
    for text in texts:
        secret = links.read_feed(text, LOADED[SignedLinks])
        assert len(secret) == 27  # 160 bits in base64
        assert secret not in str(stored)


def test_wrong_secrets_are_alike_and_cost_no_query(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """404, with the same words as for one that has ended."""
    ended = made()
    ask("DELETE", "/feed")
    text = ended.removeprefix("/feed/")
    said = document(got(ended))
    said.pop("request_id")  # another test may have left one
    assert said.pop("status") == 404
    monkeypatch.setattr(system.feeds, "find", lambda _: pytest.fail("asked the database"))
    flipped = f"{'b' if text[0] == 'a' else 'a'}{text[1:]}"
    for wrong in (flipped, text[:-1], f"{text}a", text.partition(".")[0], "x", ".", "%00", "%ff%fe", "ü", "a" * 5000):
        for target in (f"/feed/{wrong}", f"/?feed={wrong}"):
            answer = got(target)
            assert refusal(answer) == (404, "not_found"), target
            again = document(answer)
            again.pop("status")
            again.pop("request_id")
            assert again == said
    with pytest.raises(Failure):
        links.read_feed(text, LOADED[SignedLinks].replace(link_secret="fedcba9876543210" * 2))


def test_who_has_the_feed_already_gets_304(system: System, clock: Time) -> None:
    states.done(system.sweeper)
    target = made()
    first = got(target)
    etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    assert (first.headers["Cache-Control"], first.headers["X-Robots-Tag"]) == ("private, no-cache", "noindex")
    system.clock.advance(hours=1)
    clock.now += 1
    for fields in ({"If-None-Match": etag}, {"If-None-Match": f'"x", W/{etag}'}, {"If-Modified-Since": modified}):
        answer = got(target, fields)
        assert (answer.status_code, answer.get_data()) == (304, b"")
        assert answer.headers["ETag"] == etag


@pytest.mark.parametrize("what", ["new", "deleted", "revoked", "renewed"])
def test_a_changed_feed_is_sent_again(what: str, system: System, clock: Time) -> None:
    """A deletion counts too, for clients that know only dates."""
    job_id = states.done(system.sweeper)
    target = made()
    first = got(target)
    system.clock.advance(minutes=1)
    if what == "new":
        states.done(system.sweeper)
    elif what == "deleted":
        states.take(system.sweeper, transitions.DELETE, job_id, epoch=1)
    elif what == "revoked":
        change(system, job_id, link_version=1)
    else:
        clock.now += 2 * DAY
    for fields in ({"If-None-Match": first.headers["ETag"]}, {"If-Modified-Since": first.headers["Last-Modified"]}):
        again = got(target, fields)
        assert (again.status_code, again.get_data() != first.get_data()) == (200, True)
    assert again.headers["ETag"] != first.headers["ETag"]
    assert again.last_modified == first.last_modified + timedelta(minutes=1)  # type: ignore[operator]


def test_links_are_renewed_long_before_they_end(system: System, clock: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then they stay the same, so a player that follows the feed always has some that work."""
    states.done(system.sweeper)
    target = made()
    monkeypatch.setattr("time.time", clock.time)
    seen: dict[str, list[float]] = {}
    for _ in range(14 * 24):
        (entry,) = parsed(target).entries
        seen.setdefault(entry.enclosures[0].href, []).append(clock.now)
        clock.now += 3600
    assert len(seen) in (8, 9)
    for url, times in seen.items():
        signed = parse_qs(urlsplit(url).query)["link"][0]
        clock.now = times[-1] + 5.2 * DAY
        assert links.read(signed, LOADED[SignedLinks])
        clock.now = times[0] + 7 * DAY + 1
        with pytest.raises(Failure):
            links.read(signed, LOADED[SignedLinks])


@pytest.mark.attack("S1")
def test_nothing_of_a_secret_is_logged(system: System, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    target = made()
    got(target)
    ask("DELETE", "/feed")
    assert refusal(got(target))[0] == 404
    assert refusal(got(f"{target}x"))[0] == 404
    said = " ".join(str(vars(record)) for record in caplog.records)
    assert "refused" in said
    for part in re.split(r"[./]", target.removeprefix("/feed/")):
        assert part not in said
