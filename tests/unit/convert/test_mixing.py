"""The filter graph of a mix."""

from __future__ import annotations

from functions.convert import mixing
from functions.convert.mixing import Part


def test_shares_add_up_to_one() -> None:
    graph = mixing.graph([Part(44_100, 2, 0.0)] * 3, [], sides=False)
    assert graph.split(";") == [
        "[0]anull[part0]",
        "[1]anull[part1]",
        "[2]anull[part2]",
        "[part0][part1][part2]amix=inputs=3:duration=longest:normalize=0:weights='0.333333 0.333333 0.333333',"
        "aformat=sample_fmts=flt:sample_rates=44100",
    ]


def test_sides_after_silence_and_before_changes() -> None:
    graph = mixing.graph([Part(48_000, 1, 1.5), Part(44_100, 1, 0.0)], ["volume=2"], sides=True)
    assert graph.split(";") == [
        "anullsrc=r=48000:cl=mono:d=1.500000[silence0]",
        "[silence0][0]concat=n=2:v=0:a=1,pan=stereo|FL=c0|FR=0*c0[part0]",
        "[1]anull,pan=stereo|FL=0*c0|FR=c0[part1]",
        "[part0][part1]amix=inputs=2:duration=longest:normalize=0:weights='1.000000 1.000000',"
        "aformat=sample_fmts=flt:sample_rates=48000,volume=2",
    ]
