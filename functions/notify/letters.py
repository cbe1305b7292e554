"""Letters: what the mail about an ended job says."""

from __future__ import annotations

import unicodedata
from email.message import EmailMessage
from email.utils import formatdate, parseaddr

from functions.common import links, transitions
from functions.common.settings import Links, SignedLinks
from functions.common.values import Document

_NAME_MOST_CHARACTERS = 100

_READY = """\
The sound of "{name}" is ready as an MP3 ({length}, {size}):

{link}
{notes}
The link works without logging in for {days} days. Anyone who has it can
download the file, so share it with care.

Job {job}
"""

# What the converter noted about an MP3 that its owner might not expect.
_NOTES = {
    "truncated_source": "The file ends long before the length that it declares: the MP3 holds what was there.",
    "no_cover": "No picture was found for the cover that you asked for.",
}

_FAILED = """\
We could not convert "{name}".

{title}

You can try again with another file, or repair this one.

Job {job}, error code {code}
"""


def compose(job: Document, *, sender: str, links_to: Links, signed: SignedLinks) -> EmailMessage:
    """Return the mail that tells the owner how the job ended."""
    letter = EmailMessage()
    name = _shown(job["filename"])
    done = job["state"] == transitions.DONE
    letter["Subject"] = f"Your MP3 is ready: {name}" if done else f"We could not convert {name}"
    letter["From"] = sender
    letter["To"] = job["email"]
    letter["Date"] = formatdate()
    letter["Message-ID"] = message_id(job, sender)
    if job.get("traceparent"):
        letter["Traceparent"] = job["traceparent"]
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notes in return
    letter.set_content(_ready(job, name, links_to, signed) if done else _failed(job, name))
    return letter


def message_id(job: Document, sender: str) -> str:
    """Return the id of this run's mail: the same for every attempt, so that nobody can take two for different ones."""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return f"<{job['_id']}.{job['mail']['run']}@{domain}>"


def _ready(job: Document, name: str, links_to: Links, signed: SignedLinks) -> str:
    mp3 = job["mp3"]
    link = links.to(links_to.public_url, "download", link=links.sign(job["_id"], signed))
    notes = "".join(f"\n{_NOTES[note]}\n" for note in mp3.get("notes", ()) if note in _NOTES)
    return _READY.format(
        name=name,
        notes=notes,
        length=_clock(mp3["duration"]),
        size=_megabytes(mp3["length"]),
        link=link,
        days=f"{signed.link_ttl_days:g}",
        job=job["_id"],
    )


def _failed(job: Document, name: str) -> str:
    return _FAILED.format(name=name, job=job["_id"], **job["error"])


def _shown(name: str) -> str:
    # A name is somebody's words: no line breaks in a header, whatever else it holds is encoded (RFC 2047).
    clean = "".join(char for char in name if not unicodedata.category(char).startswith("C"))
    return clean if len(clean) <= _NAME_MOST_CHARACTERS else clean[: _NAME_MOST_CHARACTERS - 1] + "…"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _megabytes(length: int) -> str:
    return f"{length / 1e6:.1f} MB" if length >= 100_000 else f"{max(1, round(length / 1000))} kB"
