"""Mixing: the filters that make one sound of several decoded tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LAYOUTS = {1: "mono", 2: "stereo"}
_SIDES = ("stereo|FL=c0|FR=0*c0", "stereo|FL=0*c0|FR=c0")


@dataclass(frozen=True)
class Part:
    """A decoded track: its rate in Hz, its channels, and the seconds of silence before it."""

    rate: int
    channels: int
    late: float


def graph(parts: Sequence[Part], changes: Sequence[str], *, sides: bool) -> str:
    """Return the filter graph that mixes all inputs, one for each part, at the rate of the first.

    With `sides`, the first of two mono parts becomes the left channel and the second the right one; otherwise the
    shares of the parts add up to one, so that nothing clips. The mix lasts as long as its longest part.
    """
    chains = [_placed(number, part) for number, part in enumerate(parts)]
    if sides:
        chains = [f"{each},pan={side}" for each, side in zip(chains, _SIDES, strict=True)]
    share = 1.0 if sides else 1 / len(parts)
    inputs = "".join(f"[part{number}]" for number in range(len(parts)))
    weights = " ".join([f"{share:.6f}"] * len(parts))
    mix = f"{inputs}amix=inputs={len(parts)}:duration=longest:normalize=0:weights='{weights}'"
    form = f"aformat=sample_fmts=flt:sample_rates={parts[0].rate}"
    return ";".join([*(f"{each}[part{number}]" for number, each in enumerate(chains)), ",".join([mix, form, *changes])])


def _placed(number: int, part: Part) -> str:
    """Return the chain of filters for an input, with the silence before it."""
    if not part.late:
        return f"[{number}]anull"
    silence = f"anullsrc=r={part.rate}:cl={_LAYOUTS[part.channels]}:d={part.late:.6f}"
    return f"{silence}[silence{number}];[silence{number}][{number}]concat=n=2:v=0:a=1"
