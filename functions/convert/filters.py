"""Filters: how ffmpeg changes the sound while decoding it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from functions.common.options import Options

# What each channel adds to the left one of a stereo mix (Recommendation ITU-R BS.775-3, table 2, and likewise for the
# channels that it does not know). The right one has the mirror image, and low frequency effects are left out.
_HALF_POWER = math.sqrt(0.5)
_LEFT = dict.fromkeys(("FL", "FLC", "WL", "DL"), 1.0) | dict.fromkeys(
    ("BL", "SL", "SDL", "TFL", "TBL", "TSL"), _HALF_POWER
)
_MIDDLE = {"FC": _HALF_POWER} | dict.fromkeys(("BC", "TC", "TFC", "TBC"), 0.5)

# In libmp3lame's order: ffmpeg takes the first of two that are equally near.
_RATES = (44_100, 48_000, 32_000, 22_050, 24_000, 16_000, 11_025, 12_000, 8_000)  # Hz
# With this much, linear interpolation between samples is good enough, and peaks between samples show (BS.1770).
_OVERSAMPLING = 4

_FULL_SCALE = 1.00001
_BELOW, _OVER = "lavfi.silence_start=", "lavfi.silence_end="
_LOGGED = 16  # ffmpeg's level for errors
_STAMP = re.compile(r"^\[Eval @ 0x[0-9a-f]+\] (-?[0-9]{1,12}\.[0-9]+)$", re.MULTILINE)


# Time stamps, in seconds. Encoders' priming and what containers round are shorter than the least hole. A longer one
# than the longest is a jump of the clock, and so is a step back further than this.
_HOLE_LEAST = 0.04
_HOLE_MOST = 300.0
_HOLE_MOST_SAMPLES = 300 * 48_000  # ffmpeg makes the silence at once: 115 MB of stereo
_HOLE_MOST_UNDECLARED = 60.0  # in a file that does not declare its length
_BACK_MOST = 1.0


@dataclass(frozen=True)
class Clock:
    """The time stamps of a track in a file that lasts `length` seconds, if it declares that.

    They count only if its container stores them (`stamped`); others count samples, and some from a wrong rate. `ahead`
    is how many seconds later the track begins than ffmpeg's stamps say.
    """

    stamped: bool = False
    length: float | None = None
    ahead: float = 0.0

    def filters(self) -> list[str]:
        """Return the filters that keep a sound of floats in step with its time stamps: holes become silence.

        No sound is dropped or moved because of a stamp: one that lies back, or further ahead than the file's length
        leaves room for, sets the clock anew. The first stamp is logged, once for each form that the sound takes.
        """
        if not self.stamped:
            return [f"asetpts='if(eq(N,0),print(T,{_LOGGED}));PTS'"]
        late = f"gte(ld(2),{_HOLE_LEAST}/TB)"
        fits = f"lte(ld(2),{_HOLE_MOST_UNDECLARED}/TB)"
        if self.length is not None:
            fits = f"lte(ld(2),{_HOLE_MOST_SAMPLES}/SR/TB)*lte(ld(1)+ld(2),{self.length + _HOLE_LEAST:.6f}/TB)"
        steps = [
            # Register 0 holds how far stamps are ahead, 1 where the next sound belongs, 2 how far it is from there.
            f"if(eq(N,0),print(T,{_LOGGED})+st(1,PTS))",
            "st(2,PTS-ld(0)-ld(1))",
            f"if({late}*{fits},st(1,ld(1)+ld(2)),if({late}+lt(ld(2),-{_BACK_MOST}/TB),st(0,PTS-ld(1))))",
            "st(3,round(ld(1)))",
            "st(1,ld(1)+NB_SAMPLES/SR/TB)",
            "ld(3)",
        ]
        shift = [f"asetpts=PTS+{self.ahead:.6f}/TB"] if self.ahead > 0 else []
        return [*shift, f"asetpts='{';'.join(steps)}'", f"aresample=async=1:min_hard_comp={_HOLE_LEAST / 2}"]

    def hole(self, ahead: float, place: float) -> float | None:
        """Return the seconds of silence before sound whose stamp is `ahead` of its place; None if the clock jumped.

        This is what the filters do.
        """
        if ahead < _HOLE_LEAST:
            return 0.0 if ahead >= -_BACK_MOST else None
        if self.length is None:
            return ahead if ahead <= _HOLE_MOST_UNDECLARED else None
        return ahead if ahead <= _HOLE_MOST and place + ahead <= self.length + _HOLE_LEAST else None

    def late(self, words: str) -> float:
        """Return how late the sound begins, in seconds, from the log of a decoder with these filters."""
        found = _STAMP.search(words) if self.stamped else None
        first = float(found[1]) if found else 0.0
        most = _HOLE_MOST_UNDECLARED if self.length is None else min(self.length, _HOLE_MOST)
        return first if _HOLE_LEAST <= first <= most else 0.0


UNSTAMPED = Clock()


def forms(words: str) -> int:
    """Return how many forms (rates and channels) a sound has taken, from the log of a decoder with a clock."""
    return len(_STAMP.findall(words))


def meter() -> list[str]:
    """Return the filters that log where samples go beyond full scale.

    Less work than to measure peaks: whatever is below counts as silence, whose end is logged. A single sample beyond
    full scale at the very beginning is missed.
    """
    return [f"silencedetect=noise={_FULL_SCALE}:duration=0", r"ametadata=mode=print:file=pipe\\:2"]


def is_over(words: str, *, ended: bool) -> bool:
    """Tell whether there were samples beyond full scale, from the log of a program with this meter.

    If it has `ended` without any silence, all of them were.
    """
    return _OVER in words or (ended and _BELOW not in words)


def limited(rate: int, ceiling: float) -> tuple[str, ...]:
    """Return the filters that keep peaks, also between samples, below a ceiling in dBTP."""
    return (
        f"aresample={rate * _OVERSAMPLING}",
        f"alimiter=limit={10 ** (ceiling / 20):.5f}:level=false:latency=true",
        f"aresample={rate}",
    )


def negotiated(options: Options, clock: Clock, *, mono: bool) -> list[str]:
    """Return the filters that make any sound one of floats, at a rate of MP3, in one channel if it is `mono`, else two.

    Options for rate and channels come first. Silence is added to the mix, where it needs the least memory.
    """
    channels = options.channels or (1 if mono else 2)
    rates = "|".join(map(str, [options.samplerate] if options.samplerate else _RATES))
    return [
        "aformat=sample_fmts=fltp",
        _mix(channels),
        *clock.filters(),
        f"aformat=sample_fmts=flt:sample_rates={rates}",
    ]


def _mix(channels: int) -> str:
    """Return the filter that mixes any channels into one or two, at a level that cannot clip.

    The filter ignores channels that a sound does not have, and `<` makes the shares of the others add up to one; so
    neither the codec nor its sample format matters, and mono and stereo keep their level.
    """
    left, right = _LEFT, {name.replace("L", "R"): share for name, share in _LEFT.items()}
    if channels == 2:
        return f"pan=stereo|FL<{_sum(left | _MIDDLE)}|FR<{_sum(right | _MIDDLE)}"
    return f"pan=mono|FC<{_sum(left | right | {name: 2 * share for name, share in _MIDDLE.items()})}"


def _sum(shares: dict[str, float]) -> str:
    return "+".join(f"{share:.6f}*{name}" for name, share in shares.items())


def cut(options: Options) -> list[str]:
    """Return the filter that keeps the sound between start and end by its time stamps, to the sample."""
    times = [f"{name}={at:.6f}" for name, at in (("start", options.start), ("end", options.end)) if at]
    return [f"atrim={':'.join(times)}"] if times else []


def oversampled(rate: int, speed: float) -> list[str]:
    """Return the filters that prepare a change of speed: oversample, and remove what would become too high."""
    # Multiples of this keep the ratio of the rates a ratio of small numbers, for which ffmpeg's filters are exact.
    step = _OVERSAMPLING * math.gcd(rate, 100)
    low = max(step, int(rate / speed) // step * step)
    return [f"aresample={each}" for each in ([low] if speed > 1 else []) + [rate * _OVERSAMPLING]]
