"""Filters: how ffmpeg changes the sound while decoding it."""

from __future__ import annotations

import math

from functions.common.options import Options

# In libmp3lame's order: ffmpeg takes the first of two that are equally near.
_RATES = (44_100, 48_000, 32_000, 22_050, 24_000, 16_000, 11_025, 12_000, 8_000)  # Hz
# With this much oversampling, linear interpolation between samples is good enough.
_OVERSAMPLING = 4


def negotiated(options: Options) -> list[str]:
    """Return the filters that convert any sound to what ffmpeg would pass to libmp3lame."""
    layouts = {1: "mono", 2: "stereo", None: "mono|stereo"}[options.channels]
    rates = "|".join(map(str, [options.samplerate] if options.samplerate else _RATES))
    return [
        # Mix channels in their own sample format, because ffmpeg attenuates integers when it mixes, but not floats.
        # Everything else is done in floats.
        f"aformat=sample_fmts=s16p|s32p|fltp:channel_layouts={layouts}",
        f"aformat=sample_fmts=flt:sample_rates={rates}",
    ]


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
