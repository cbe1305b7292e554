"""Selection: which tracks of a file are converted, and how several become one sound."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from functions.common import errors
from functions.common.errors import Failure
from functions.common.options import ALL_TRACKS
from functions.convert import languages
from functions.convert.probe import Media, Track

_MIXED_MOST = 8  # each has a decoder of its own
_SIDES = re.compile(r"([0-9]{1,3})\+([0-9]{1,3})")


@dataclass(frozen=True)
class Selection:
    """Tracks that become one sound: mixed, or the first on the left and the second on the right side."""

    tracks: tuple[Track, ...]
    sides: bool = False

    @property
    def mono(self) -> bool:
        """Tell whether one channel is enough for the sound."""
        return not self.sides and all(track.mono for track in self.tracks)


def alone(track: Track) -> Selection:
    """Return the selection of a single track."""
    return Selection((track,))


def candidates(media: Media, wanted: int | str | None) -> list[Selection]:
    """Return what to convert of a file, the best first; a later one counts if those before it cannot be decoded.

    `wanted` is the option `track`. Raises Failure: NO_AUDIO, NO_SUCH_TRACK or ENCRYPTED.
    """
    if not media.tracks:
        raise Failure(errors.NO_AUDIO)
    if wanted == ALL_TRACKS:
        return [Selection(tuple(_readable(media.tracks)[:_MIXED_MOST]))]
    if isinstance(wanted, str) and (sides := _SIDES.fullmatch(wanted)):
        return [Selection(tuple(_numbered(media, int(number)) for number in sides.groups()), sides=True)]
    fitting = [track for track in media.tracks if _fits(track, wanted)]
    if not fitting:
        raise Failure(errors.NO_SUCH_TRACK)
    # The main dialogue comes first, then the default track.
    fitting.sort(key=lambda track: (track.aside, not track.default, track.number))
    if fitting[0].encrypted:
        raise Failure(errors.ENCRYPTED)
    return [alone(track) for track in _readable(fitting)]


def _fits(track: Track, wanted: int | str | None) -> bool:
    if isinstance(wanted, str):
        return bool(track.language) and languages.same(track.language, wanted.lower())
    return wanted in (None, track.number)


def _numbered(media: Media, number: int) -> Track:
    (selection,) = candidates(media, number)
    return selection.tracks[0]


def _readable(tracks: Sequence[Track]) -> list[Track]:
    readable = [track for track in tracks if not track.encrypted]
    if not readable:
        raise Failure(errors.ENCRYPTED)
    return readable
