"""Filters: how ffmpeg changes the sound while decoding it."""

from __future__ import annotations

import math

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
# With this much oversampling, linear interpolation between samples is good enough.
_OVERSAMPLING = 4


def negotiated(options: Options, *, mono: bool) -> list[str]:
    """Return the filters that make floats at a rate of MP3 of any sound, in one channel if it is `mono`, else in two.

    Options for rate and channels come first.
    """
    channels = options.channels or (1 if mono else 2)
    rates = "|".join(map(str, [options.samplerate] if options.samplerate else _RATES))
    return ["aformat=sample_fmts=fltp", _mix(channels), f"aformat=sample_fmts=flt:sample_rates={rates}"]


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
