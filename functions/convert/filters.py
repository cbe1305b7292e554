"""Filters: what ffmpeg does to the sound as it decodes it."""

from __future__ import annotations

import math

from functions.common.options import Options

# In libmp3lame's own order: of two that are equally near, ffmpeg takes the first.
_RATES = (44_100, 48_000, 32_000, 22_050, 24_000, 16_000, 11_025, 12_000, 8_000)  # Hz
# A line from sample to sample is as good as the curve where they lie this much closer than the ear needs.
_OVERSAMPLING = 4


def negotiated(options: Options) -> list[str]:
    """Return the filters that make of any sound what libmp3lame would be given of it."""
    layouts = {1: "mono", 2: "stereo", None: "mono|stereo"}[options.channels]
    rates = "|".join(map(str, [options.samplerate] if options.samplerate else _RATES))
    return [
        # Channels are mixed in the kind of number that they have: ffmpeg turns integers down when it mixes, and floats
        # it does not. All else is done in floats.
        f"aformat=sample_fmts=s16p|s32p|fltp:channel_layouts={layouts}",
        f"aformat=sample_fmts=flt:sample_rates={rates}",
    ]


def cut(options: Options) -> list[str]:
    """Return the filter that keeps what lies between start and end by the time stamps, to the sample."""
    times = [f"{name}={at:.6f}" for name, at in (("start", options.start), ("end", options.end)) if at]
    return [f"atrim={':'.join(times)}"] if times else []


def oversampled(rate: int, speed: float) -> list[str]:
    """Return the filters that prepare a sound for another speed: oversampled, with nothing that would be too high."""
    # Multiples of these make ratios of small numbers between the rates, with which ffmpeg's filters are exact.
    step = _OVERSAMPLING * math.gcd(rate, 100)
    low = max(step, int(rate / speed) // step * step)
    return [f"aresample={each}" for each in ([low] if speed > 1 else []) + [rate * _OVERSAMPLING]]
