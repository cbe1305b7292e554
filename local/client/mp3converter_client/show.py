"""How things look to people: names, sizes and times; and to programs, as lines of JSON."""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

from mp3converter_client.jobs import Job

NOTES = {
    "truncated_source": "the video ends long before its declared length",
    "joined": "the video is several files in one, and not all of them were converted",
    "limited": "its peaks were beyond full scale, and are limited",
    "no_cover": "it has no cover, because the picture could not be read",
    "other_tracks": "the video has other sound tracks",
}
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def text(value: str) -> str:
    """Return a text without what could move the cursor of a terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in value)


def json_line(found: Any) -> str:
    """Return a line for programs."""
    return json.dumps(found)


def quoted(path: Path) -> str:
    """Return a path as a shell reads it."""
    return shlex.quote(text(str(path)))


def size(count: int) -> str:
    """Return a number of bytes in a unit that suits it."""
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def duration(seconds: float) -> str:
    """Return a duration as a player shows it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def mp3(job: Job) -> str:
    """Return what there is to say of a job's MP3."""
    found = job["mp3"]
    notes = "; ".join(NOTES.get(note, note) for note in found["notes"])
    return f"{duration(found['duration'])}, {size(found['size'])}{f' ({notes})' if notes else ''}"


def row(job: Job) -> str:
    """Return a job in a line."""
    created = datetime.fromisoformat(job["created"]).astimezone()
    state = f"{job['state']} {job['progress']:.0f}%" if job["state"] == "converting" else job["state"]
    more = mp3(job) if job["state"] == "done" else job.get("error", {}).get("title", "")
    return f"{job['id']}  {created:%Y-%m-%d %H:%M}  {state:<15}  {text(job['filename'])}  {text(more)}".rstrip()
