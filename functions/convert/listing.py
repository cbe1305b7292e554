"""Listing: what ffmpeg prints about a file's streams, read so that a file cannot forge it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from functions.convert import languages

# The list of streams in JSON, which ffmpeg prints last, cannot be forged. The text before it can: it contains tags and
# languages as they are in the file, line ends included. So the streams come from the list, and the text only describes
# them; a stream that it describes twice stays undescribed.
_LIST = "\n{\n"
_STREAM = re.compile(
    r" {2,4}Stream #0:(?P<index>[0-9]{1,4})(?:\[0x[0-9a-f]{1,16}\])?(?:\((?P<language>[^():]{0,99})\))?: "
    r"(?P<kind>Audio|Video): (?P<codec>[a-z0-9_]{1,40})(?P<rest>.*)"
)
_FLAGS_MOST_CHARACTERS = 400
_FLAGS = re.compile(r"(?: \([a-z ]{1,40}\))*$")
_START = re.compile(r", start (-?[0-9]{1,12}\.[0-9]{6})(?= |$)")
_MONO = re.compile(r"[0-9] Hz, (?:mono|1 channels)\b")
_LOCKED_TAG = re.compile(r" \((?:enca|drms|aavd) / 0x[0-9A-F]{8}\)")  # MP4: common encryption, FairPlay, Audible
_LOCKED_KEY = re.compile(r" {6}enc_key_id {6}: ")  # Matroska: the key that opens the track
_LOCKED_FILE = re.compile(r"\[in#0[^]\n]{0,99}\] (?:Ext )?DRM protected stream detected")  # ASF
_ESTIMATED = re.compile(r"\[in#0[^]\n]{0,99}\] Estimating duration from bitrate")
_DURATION = re.compile(
    r"  Duration: (?:N/A|([0-9]{2,9}):([0-9]{2}):([0-9]{2}\.[0-9]{2}))(?:, start: (-?[0-9]{1,12}\.[0-9]{6}))?, .*"
)


@dataclass(frozen=True)
class Stream:
    """A stream of a file: its index, kind and codec as ffmpeg names them, and its declared properties."""

    index: int
    kind: str
    codec: str = ""
    language: str = ""
    flags: frozenset[str] = frozenset()
    mono: bool = False
    start: float = 0.0
    locked: bool = False


@dataclass(frozen=True)
class Listing:
    """What a file declares: its container, its streams, and its length and start in seconds.

    `copyable` are the sound tracks whose codec ffmpeg knows; `locked` tells whether the whole file is encrypted.
    """

    demuxer: str
    streams: tuple[Stream, ...]
    copyable: frozenset[int]
    duration: float | None
    start: float
    locked: bool


def read(text: str) -> Listing | None:
    """Return what ffmpeg printed at level info, with its graphs in JSON; None if the list is missing."""
    at = text.rfind(_LIST)
    if at < 0:
        return None
    file = json.JSONDecoder().raw_decode(text, at + 1)[0]["inputfiles"][0]
    known = [Stream(int(each["index"]), each.get("media_type", "")) for each in file["inputstreams"]]
    lines = list(_lines(text))
    duration, start = _times(lines)
    if any(_ESTIMATED.match(line) for line in text.split("\n")):
        duration = None
    return Listing(
        demuxer=file["demuxer_name"],
        streams=tuple(_described_streams(known, lines)),
        copyable=frozenset(each.index for each in known if each.kind == "audio"),
        duration=duration,
        start=start,
        locked=any(_LOCKED_FILE.match(line) for line in text.split("\n")),
    )


def _lines(text: str) -> Iterator[str]:
    """Yield the lines that describe the input."""
    inside = False
    for line in text.split("\n"):
        inside = inside or line.startswith("Input #0, ")
        if line.startswith("Stream mapping:"):
            return
        if inside:
            yield line


def _described_streams(streams: Sequence[Stream], lines: Sequence[str]) -> list[Stream]:
    """Add to each stream its description in the text, unless there are two."""
    places = [(at, found) for at, line in enumerate(lines) if (found := _STREAM.fullmatch(line))]
    ends = [*(at for at, _ in places), len(lines)][1:]
    descriptions: dict[int, list[Stream]] = {}
    for (at, found), end in zip(places, ends, strict=True):
        one = _described(found, lines[at:end])
        descriptions.setdefault(one.index, []).append(one)
    return [_matched(each, descriptions.get(each.index, [])) for each in streams]


def _matched(listed: Stream, described: Sequence[Stream]) -> Stream:
    # The list gives no kind for a sound track with an unknown codec.
    return described[0] if len(described) == 1 and listed.kind in (described[0].kind, "") else listed


def _described(found: re.Match[str], lines: Sequence[str]) -> Stream:
    start = _START.search(found["rest"])
    flags = _FLAGS.search(found["rest"][-_FLAGS_MOST_CHARACTERS:])
    return Stream(
        index=int(found["index"]),
        kind=found["kind"].lower(),
        codec="" if found["codec"] == "none" else found["codec"],
        language=languages.primary(found["language"] or ""),
        flags=frozenset(re.findall(r"\(([a-z ]+)\)", flags[0] if flags else "")),
        mono=bool(_MONO.search(found["rest"])),
        start=float(start[1]) if start else 0.0,
        locked=bool(_LOCKED_TAG.search(found["rest"])) or any(map(_LOCKED_KEY.match, lines)),
    )


def _times(lines: Sequence[str]) -> tuple[float | None, float]:
    """Return the declared length and start in seconds; None and 0 if there are two declarations."""
    times = [found for line in lines if (found := _DURATION.fullmatch(line))]
    if len(times) != 1:
        return None, 0.0
    hours, minutes, seconds, start = times[0].groups()
    length = int(hours) * 3600 + int(minutes) * 60 + float(seconds) if hours else None
    return length, float(start or 0.0)
