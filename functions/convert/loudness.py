"""Loudness: find the gain that brings an MP3 to the wanted loudness, measured by EBU R 128."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from functions.common.options import Options
from functions.convert import filters, sound
from functions.convert.cage import Cage
from functions.convert.chain import Chain
from functions.convert.lame import Settings
from functions.convert.selection import Selection
from functions.convert.sound import Decoding, Level, Timing

_METER = "ebur128=peak=true:framelog=quiet"
_RATE = re.compile(r"Audio: pcm_f32le .*?, ([0-9]+) Hz")
_REPORT = re.compile(r"I: +(\S+) LUFS.*?True peak:\s+Peak: +(\S+) dBFS", re.DOTALL)
# Matroska stores the encoder's delay, so the measured sound is as long as the input.
_MATROSKA = ("-f", "matroska")

# The gate of R 128; it also reports this for sounds shorter than 400 ms.
_SILENCE_LUFS = -70.0
_MOST_DBTP = -1.1  # the promise is -1, and the meter rounds
_CEILING_DBTP = -2.0  # at first: LAME raises most peaks by less than the difference
_TRIALS = 3
_NEAR_LU = 0.3
# A further gain this small needs no trial if the peaks keep this much room, because LAME's noise changes with the gain.
_SMALL_LU = 3.0
_ROOM_DB = 0.5
_STEP_MOST_LU = 6.0
_LIMITED_SLOPE = 0.6  # the least LU that a limited sound gains per dB; too much gain is easy to take back


@dataclass(frozen=True)
class _Change:
    """A gain in dB, with peaks limited to `ceiling`; `peak` is that of the sound itself; both are in dBTP."""

    rate: int
    peak: float
    gain: float
    ceiling: float

    @property
    def top(self) -> float:
        """Return the highest peak of the result in dBTP."""
        return min(self.peak + self.gain, self.ceiling)

    def filters(self, further: float = 0.0) -> tuple[str, ...]:
        """Return ffmpeg's filters for this change, followed by a further gain in dB."""
        if self.top < self.ceiling:
            return (_volume(self.gain + further),)
        return (_volume(self.gain), *filters.limited(self.rate, self.ceiling), _volume(further))


@dataclass(frozen=True)
class _Measured:
    loudness: float  # LUFS
    peak: float  # dBTP


@dataclass(frozen=True)
class _Trial:
    change: _Change
    missing: float  # LU
    room: float  # dB by which the peaks may still rise

    @property
    def further(self) -> float:
        """Return the gain in dB that brings this as near to the target as its peaks safely allow."""
        if self.room < 0:
            return min(self.missing, self.room - 2 * _ROOM_DB)
        return 0.0 if abs(self.missing) <= _NEAR_LU else min(self.missing, max(0.0, self.room - _ROOM_DB))

    @property
    def error(self) -> float:
        """Return the remaining distance to the target in LU."""
        return abs(self.missing - self.further)

    @property
    def good(self) -> bool:
        """Tell whether that is near enough, and certain without another trial."""
        return self.error <= _NEAR_LU and abs(self.further) <= _SMALL_LU

    def following(self) -> _Change:
        """Return the next change to try."""
        gain = self.change.gain + min(self.missing / _LIMITED_SLOPE, _STEP_MOST_LU)
        room = self.room - (_ROOM_DB / 2 if self.room >= 0 else 2 * _ROOM_DB)
        return replace(self.change, gain=gain, ceiling=min(_MOST_DBTP, self.change.top + room))


def find_level(
    source: Path, selection: Selection, options: Options, cage: Cage, settings: Callable[[int], Settings]
) -> Level:
    """Find the filters that bring the MP3 of some tracks to the wanted loudness, with true peaks below -1 dBTP.

    `settings` returns the encoder's settings for a rate. Loudness is measured on an MP3 made with them, because LAME
    lowers the level, raises some peaks and removes very high tones. The sound is decoded once to measure it, and up to
    three times for trials. Silence is not changed. Raises Failure as `sound.start` does.
    """
    decoding = Decoding(source, selection, options, cage)
    timing = decoding.timing() if options.needs_effects else Timing()
    target = options.normalize
    return Level(() if target is None else _Search(decoding, timing, settings).filters(target), timing)


@dataclass(frozen=True)
class _Search:
    decoding: Decoding
    timing: Timing
    settings: Callable[[int], Settings]

    def filters(self, target: float) -> tuple[str, ...]:
        """Return the filters that bring the sound closest to `target` in LUFS."""
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
        """Return the rate and the loudness of the unchanged sound."""
        chain = self.decoding.chain(Level((), self.timing))
        words, found = self._metered(chain, sound.WAV)
        rate = _RATE.search(words)
        if not rate:
            raise RuntimeError(f"ffmpeg did not print the format of its input: {words}")
        return int(rate[1]), found

    def _mp3(self, change: _Change) -> _Measured:
        """Return the loudness of the MP3 after a change."""
        output = [*self.settings(change.rate).words(), *_MATROSKA, "pipe:1"]
        chain = self.decoding.chain(Level(change.filters(), self.timing), output)
        return self._metered(chain, _MATROSKA)[1]

    def _metered(self, chain: Chain, form: Sequence[str]) -> tuple[str, _Measured]:
        chain.then(sound.reading(form, [_METER], ("-f", "null", "-"), level="info"), needs_sound=True)
        for _ in chain.blocks():
            pass  # the meter writes none; this waits for its end
        words = chain.last.words()
        report = _REPORT.search(words)
        if not report:
            raise self.decoding.nothing(chain)
        chain.ended(sounded=True)
        return words, _Measured(float(report[1]), float(report[2]))


def _volume(gain: float) -> str:
    return f"volume={gain:.3f}dB"
