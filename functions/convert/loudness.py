"""Loudness: what makes an MP3 as loud as its owner wants it, measured the way EBU R 128 says."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from functions.common.options import Options
from functions.convert import sound
from functions.convert.cage import Cage
from functions.convert.chain import Chain
from functions.convert.encoders import Settings
from functions.convert.probe import Track
from functions.convert.sound import Decoding, Ground, Level

_METER = "ebur128=peak=true:framelog=quiet"
_RATE = re.compile(r"Audio: pcm_f32le .*?, ([0-9]+) Hz")
_REPORT = re.compile(r"I: +(\S+) LUFS.*?True peak:\s+Peak: +(\S+) dBFS", re.DOTALL)
# Matroska keeps the encoder's delay, so that what is measured is as long as what went in.
_MATROSKA = ("-f", "matroska")

# Below this gate R 128 hears nothing, and of less than 400 ms it says nothing else.
_SILENCE_LUFS = -70.0
_MOST_DBTP = -1.2  # -1 is promised, and the meter rounds
_CEILING_DBTP = -2.0  # LAME adds about a decibel to a peak; by how much it is lowered then, the first trial shows
_TRIALS = 3
_NEAR_LU = 0.3
_SMALL_LU = 3.0  # a change of level by less changes nothing in what LAME does
_STEP_MOST_LU = 6.0
_LIMITED_SLOPE = 0.85  # what a decibel of gain makes of a limited sound, in LU
_OVERSAMPLING = 4  # BS.1770's, for the peaks between the samples


@dataclass(frozen=True)
class _Change:
    """A change of level: by `gain` in dB, with peaks above `ceiling` in dBTP limited, if there is one."""

    rate: int
    gain: float
    ceiling: float | None

    def filters(self, further: float = 0.0) -> tuple[str, ...]:
        """Return ffmpeg's filters for this change and a further gain in dB after it."""
        if self.ceiling is None:
            return (_volume(self.gain + further),)
        limit = 10 ** (self.ceiling / 20)
        return (
            _volume(self.gain),
            f"aresample={self.rate * _OVERSAMPLING}",
            f"alimiter=limit={limit:.5f}:level=false:latency=true",
            f"aresample={self.rate}",
            _volume(further),
        )


@dataclass(frozen=True)
class _Measured:
    loudness: float  # LUFS
    peak: float  # dBTP


@dataclass(frozen=True)
class _Trial:
    change: _Change
    missing: float  # LU
    above: float  # dB

    @property
    def lowering(self) -> float:
        """Return the gain that brings the peaks down to where they must be."""
        return -max(0.0, self.above)

    @property
    def error(self) -> float:
        """Return how far from the target this will end up, in LU."""
        return abs(self.missing - self.lowering)


def leveller(source: Path, track: Track, options: Options, cage: Cage, settings: Callable[[int], Settings]) -> Level:
    """Find what brings the MP3 of a track to the wanted loudness, and its true peaks below -1 dBTP.

    `settings` tells how a sound of some rate is going to be encoded. What counts is measured on such an MP3, for LAME
    makes sounds softer, raises some peaks and cuts what is very high. All is decoded once to measure it, and up to
    three times to try. Silence stays as it is. Raises Failure as `sound.start` does.
    """
    decoding = Decoding(source, track, options, cage)
    ground = decoding.ground() if options.needs_effects else Ground()
    return Level(_Search(decoding, ground, settings).filters(), ground)


@dataclass(frozen=True)
class _Search:
    decoding: Decoding
    ground: Ground
    settings: Callable[[int], Settings]

    def filters(self) -> tuple[str, ...]:
        """Return the filters that were found."""
        target = self.decoding.options.normalize
        rate, found = self._sound()
        if target is None or not found.loudness > _SILENCE_LUFS:
            return ()
        gain = target - found.loudness
        ceiling = None if found.peak + gain <= _CEILING_DBTP else _CEILING_DBTP
        trials = []
        for _ in range(_TRIALS):
            trial = self._tried(_Change(rate, gain, ceiling), target)
            if ceiling is None and abs(trial.missing) <= _SMALL_LU and trial.above + trial.missing <= 0:
                return trial.change.filters(trial.missing)
            if ceiling is None
            ...
