"""Loudness: what makes an MP3 as loud as its owner wants it, measured the way EBU R 128 says."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from functions.common.options import Options
from functions.convert import sound
from functions.convert.cage import Cage
from functions.convert.chain import Chain
from functions.convert.lame import Settings
from functions.convert.probe import Track
from functions.convert.sound import Decoding, Ground, Level

_METER = "ebur128=peak=true:framelog=quiet"
_RATE = re.compile(r"Audio: pcm_f32le .*?, ([0-9]+) Hz")
_REPORT = re.compile(r"I: +(\S+) LUFS.*?True peak:\s+Peak: +(\S+) dBFS", re.DOTALL)
# Matroska keeps the encoder's delay, so that what is measured is as long as what went in.
_MATROSKA = ("-f", "matroska")

# Below this gate R 128 hears nothing, and of less than 400 ms it says nothing else.
_SILENCE_LUFS = -70.0
_MOST_DBTP = -1.1  # -1 is promised, and the meter rounds
_CEILING_DBTP = -2.0  # to begin with: LAME makes most peaks higher by no more than what is left
_TRIALS = 3
_NEAR_LU = 0.3
# What a further gain of so little makes of an MP3 need not be tried, if the peaks are left that much room: LAME's
# noise is another one then.
_SMALL_LU = 3.0
_ROOM_DB = 0.5
_STEP_MOST_LU = 6.0
_LIMITED_SLOPE = 0.6  # LU that a limited sound gains from a decibel at least; too much is easily taken back
_OVERSAMPLING = 4  # BS.1770's, for the peaks between the samples


@dataclass(frozen=True)
class _Change:
    """A change of level by `gain` in dB; peaks above `ceiling` are limited. `peak` is the sound's own; both in dBTP."""

    rate: int
    peak: float
    gain: float
    ceiling: float

    @property
    def top(self) -> float:
        """Return the highest peak that comes out, in dBTP."""
        return min(self.peak + self.gain, self.ceiling)

    def filters(self, further: float = 0.0) -> tuple[str, ...]:
        """Return ffmpeg's filters for this change and a further gain in dB after it."""
        if self.top < self.ceiling:
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
    room: float  # dB that the peaks may still rise

    @property
    def further(self) -> float:
        """Return the gain in dB that brings this as near to the target as its peaks surely allow."""
        if self.room < 0:
            return min(self.missing, self.room - 2 * _ROOM_DB)
        return 0.0 if abs(self.missing) <= _NEAR_LU else min(self.missing, max(0.0, self.room - _ROOM_DB))

    @property
    def error(self) -> float:
        """Return how far from the target that is, in LU."""
        return abs(self.missing - self.further)

    @property
    def good(self) -> bool:
        """Tell whether that is near enough, and known without another trial."""
        return self.error <= _NEAR_LU and abs(self.further) <= _SMALL_LU

    def following(self) -> _Change:
        """Return what to try after this."""
        gain = self.change.gain + min(self.missing / _LIMITED_SLOPE, _STEP_MOST_LU)
        room = self.room - (_ROOM_DB / 2 if self.room >= 0 else 2 * _ROOM_DB)
        return replace(self.change, gain=gain, ceiling=min(_MOST_DBTP, self.change.top + room))


def leveller(source: Path, track: Track, options: Options, cage: Cage, settings: Callable[[int], Settings]) -> Level:
    """Find what brings the MP3 of a track to the wanted loudness, and its true peaks below -1 dBTP.

    `settings` tells how a sound of some rate is going to be encoded. What counts is measured on such an MP3, for LAME
    makes sounds softer, raises some peaks and cuts what is very high. All is decoded once to measure it, and up to
    three times to try. Silence stays as it is. Raises Failure as `sound.start` does.
    """
    decoding = Decoding(source, track, options, cage)
    ground = decoding.ground() if options.needs_effects else Ground()
    target = options.normalize
    return Level(() if target is None else _Search(decoding, ground, settings).filters(target), ground)


@dataclass(frozen=True)
class _Search:
    decoding: Decoding
    ground: Ground
    settings: Callable[[int], Settings]

    def filters(self, target: float) -> tuple[str, ...]:
        """Return the filters that bring the sound nearest to `target` in LUFS."""
        rate, found = self._sound()
        if found.loudness <= _SILENCE_LUFS or not math.isfinite(found.loudness + found.peak):
            return ()
        gain = target - found.loudness
        change = _Change(rate, found.peak, gain, _CEILING_DBTP)
        trials: list[_Trial] = []
        while len(trials) < _TRIALS and not (trials and trials[-1].good):
            heard = self._mp3(change)
            trials.append(_Trial(change, target - heard.loudness, _MOST_DBTP - heard.peak))
            change = trials[-1].following()
        best = min(trials, key=lambda trial: (not trial.good, trial.error))
        return best.change.filters(best.further)

    def _sound(self) -> tuple[int, _Measured]:
        """Measure the sound as it is; return its rate as well."""
        chain = self.decoding.chain(Level((), self.ground))
        words, found = self._metered(chain, sound.WAV)
        rate = _RATE.search(words)
        if not rate:
            raise RuntimeError(f"ffmpeg did not say what it read: {words}")
        return int(rate[1]), found

    def _mp3(self, change: _Change) -> _Measured:
        """Measure the MP3 that a change of level makes."""
        output = [*self.settings(change.rate).words(), *_MATROSKA, "pipe:1"]
        chain = self.decoding.chain(Level(change.filters(), self.ground), output)
        return self._metered(chain, _MATROSKA)[1]

    def _metered(self, chain: Chain, form: Sequence[str]) -> tuple[str, _Measured]:
        chain.then(sound.reading(form, [_METER], ("-f", "null", "-"), level="info"), needs_sound=True)
        for _ in chain.blocks():
            pass  # there are none, and no more when the meter has ended
        words = chain.last.words()
        report = _REPORT.search(words)
        if not report:
            raise self.decoding.nothing(chain)
        chain.ended(sounded=True)
        return words, _Measured(float(report[1]), float(report[2]))


def _volume(gain: float) -> str:
    return f"volume={gain:.3f}dB"
