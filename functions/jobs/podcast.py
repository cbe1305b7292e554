"""The podcast: a user's MP3s as RSS 2.0 with the tags that podcast players read."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import UTC
from email.utils import format_datetime
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from functions.common import chapters, filenames, lines, links
from functions.common.config import Loaded
from functions.common.settings import Links, SignedLinks
from functions.common.values import Document

_ATOM, _ITUNES = "http://www.w3.org/2005/Atom", "http://www.itunes.com/dtds/podcast-1.0.dtd"
_PODCAST = "https://podcastindex.org/namespace/1.0"
_NO_CHARACTER = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # in XML 1.0, not even escaped
_PARTS_OF_A_LINK = 4
_DAY_SECONDS = 86_400

ElementTree.register_namespace("atom", _ATOM)
ElementTree.register_namespace("itunes", _ITUNES)
ElementTree.register_namespace("podcast", _PODCAST)


def rss(jobs: Iterable[Document], address: str, loaded: Loaded) -> bytes:
    """Return the feed of done jobs, which has this address."""
    public, signed_at = loaded[Links].public_url, _signing_time(loaded[SignedLinks])
    root = Element("rss", {"version": "2.0"})
    channel = SubElement(root, "channel")
    _add(channel, "title", "Your MP3s")
    _add(channel, "link", links.to(public, "jobs"))
    _add(channel, "description", "The sound of the videos that you sent, newest first.")
    SubElement(channel, f"{{{_ATOM}}}link", {"rel": "self", "type": "application/rss+xml", "href": address})
    _add(channel, f"{{{_ITUNES}}}block", "yes")  # no directory may list it
    _add(channel, f"{{{_ITUNES}}}explicit", "false")
    # Of the size that directories ask for, and always the same: players keep it.
    _add_image(channel, links.to(public, "jobs", "picture.png"))
    for job in jobs:
        link = links.sign(job["_id"], job.get("link_version", 0), loaded[SignedLinks], at=signed_at)
        # Some players go by the ending of the path, which download ignores beside a link.
        item = _add_item(channel, job, links.to(public, "download", f"{job['_id']}.mp3", link=link))
        if job["mp3"].get("picture"):
            _add_image(item, links.to(public, "download", f"{job['_id']}.jpg", cover="1", link=link))
        if job["mp3"].get("chapters"):
            url = links.to(public, "download", "chapters", link=link)
            SubElement(item, f"{{{_PODCAST}}}chapters", {"url": url, "type": chapters.CONTENT_TYPE})
    # Only characters that XML can have are in it, and its encoding has them all.
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def _add_item(channel: Element, job: Document, url: str) -> Element:
    item = SubElement(channel, "item")
    _add(item, "title", _title(job))
    _add(item, "guid", job["_id"]).set("isPermaLink", "false")
    _add(item, "pubDate", format_datetime(job["created_at"].astimezone(UTC), usegmt=True))
    SubElement(item, "enclosure", {"url": url, "length": str(job["mp3"]["length"]), "type": "audio/mpeg"})
    _add(item, f"{{{_ITUNES}}}duration", str(max(1, round(job["mp3"]["duration"]))))
    return item


def _add_image(parent: Element, url: str) -> None:
    SubElement(parent, f"{{{_ITUNES}}}image", {"href": url})


def _add(parent: Element, name: str, text: str) -> Element:
    element = SubElement(parent, name)
    element.text = text
    return element


def _title(job: Document) -> str:
    """Return the title that was asked for, or the name of the file; the video's own title if it came without a name."""
    asked, own = (job.get("options") or {}).get("title"), job["mp3"].get("texts", {}).get("title")
    named = filenames.stem(job["filename"])
    return _plain(asked or (named if filenames.is_named(job["filename"]) else own or named)) or named


def _plain(text: str) -> str:
    return _NO_CHARACTER.sub("", lines.line(text))


def _signing_time(settings: SignedLinks) -> int:
    """Return when the links are said to be signed.

    They stay the same for a part of their life, so the feed changes no more often, and players see the same addresses.
    """
    period = max(1, int(settings.link_ttl_days * _DAY_SECONDS / _PARTS_OF_A_LINK))
    return int(time.time()) // period * period
