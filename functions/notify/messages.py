"""Messages: what the mail about an ended job says."""

from __future__ import annotations

import unicodedata
from email.message import EmailMessage
from email.utils import parseaddr

from functions.common import letters, links, transitions
from functions.common.letters import Letter, Link
from functions.common.settings import Links, SignedLinks
from functions.common.values import Document

_NAME_MOST_CHARACTERS = 100

_READY = 'The sound of "{name}" is ready as an MP3 ({length}, {size}):'
_VALID = """\
The link works without logging in for {days}. Anyone who has it can
download the file, so share it with care."""

# What the owner may not expect of an MP3, by the note that convert left in the job.
_NOTES = {
    "truncated_source": "The file ends long before the length that it declares: the MP3 holds what was there.",
    "joined": "The video is several files in one, and the MP3 does not have the sound of all of them.",
    "limited": "The sound was louder than an MP3 can hold: its peaks are limited.",
    "no_cover": "No picture was found for the cover that you asked for.",
    "other_tracks": "The video has other sound tracks: {others}. The option track chooses one, or mixes all.",
}

_FAILED = 'We could not convert "{name}".'
_TRY_AGAIN = "You can try again with another file, or repair this one."

_UNSUBSCRIBE = "You can stop the mails about your conversions here:"


def compose(job: Document, *, sender: str, links_to: Links, signed: SignedLinks, unsubscribe: str = "") -> EmailMessage:
    """Return the mail that tells the owner how the job ended; `unsubscribe` is an address that stops such mails."""
    done = job["state"] == transitions.DONE
    letter = _ready(job, links_to, signed) if done else _failed(job)
    if unsubscribe:
        letter = letter._replace(small=(*letter.small, _UNSUBSCRIBE, Link("Unsubscribe", unsubscribe)))
    message = letters.compose(
        letter, sender=sender, recipient=job["email"], message_id=message_id(job, sender), unsubscribe=unsubscribe
    )
    if job.get("traceparent"):
        message["Traceparent"] = job["traceparent"]
    return message


def message_id(job: Document, sender: str) -> str:
    """Return the id of this run's mail: the same for every attempt, so that two copies can be recognised."""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return f"<{job['_id']}.{job['mail']['run']}@{domain}>"


def _ready(job: Document, links_to: Links, signed: SignedLinks) -> Letter:
    mp3, name = job["mp3"], _shown(job["filename"])
    link = links.sign(job["_id"], job.get("link_version", 0), signed)
    others = ", ".join(_track(each) for each in mp3.get("others", ()))
    notes = [_NOTES[note].format(others=others) for note in mp3.get("notes", ()) if note in _NOTES]
    ready = _READY.format(name=name, length=_clock(mp3["duration"]), size=_megabytes(mp3["length"]))
    button = Link("Download the MP3", links.to(links_to.public_url, "download", link=link))
    valid = _VALID.format(days=_days(signed.link_ttl_days))
    return Letter(f"Your MP3 is ready: {name}", valid, (ready, button, *notes, valid), (f"Job {job['_id']}",))


def _track(track: Document) -> str:
    return f"{track['number']} ({track['language']})" if track["language"] else str(track["number"])


def _failed(job: Document) -> Letter:
    name, title, code = _shown(job["filename"]), job["error"]["title"], job["error"]["code"]
    blocks = (_FAILED.format(name=name), title, _TRY_AGAIN)
    return Letter(f"We could not convert {name}", title, blocks, (f"Job {job['_id']}, error code {code}",))


def _shown(name: str) -> str:
    # The user chose the name: no line breaks in a header; EmailMessage encodes the rest (RFC 2047).
    clean = "".join(char for char in name if not unicodedata.category(char).startswith("C"))
    return clean if len(clean) <= _NAME_MOST_CHARACTERS else clean[: _NAME_MOST_CHARACTERS - 1] + "…"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _megabytes(length: int) -> str:
    return f"{length / 1e6:.1f} MB" if length >= 100_000 else f"{max(1, round(length / 1000))} kB"


def _days(number: float) -> str:
    return "1 day" if number == 1 else f"{number:g} days"
