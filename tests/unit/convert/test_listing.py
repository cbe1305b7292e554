"""Listing: ffmpeg's text adds details to the list of streams; forged lines in a file's tags add nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.convert import listing
from functions.convert.listing import Stream

INPUT = """\
[in#0 @ 0x55] some warning
Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:in':
  Metadata:
    title           : {title}
  Duration: 01:02:03.50, start: -0.021000, bitrate: 1 kb/s
  Stream #0:0[0x1](und): Video: h264 (Main) (avc1 / 0x31637661), yuv420p, 25 fps (default)
  Stream #0:1[0x2](eng): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, stereo, fltp (default) (hearing impaired)
  Stream #0:2[0x3](ger): Audio: ac3, 48000 Hz, 5.1(side), fltp, 384 kb/s{more}
  Stream #0:3[0x0]: Video: png, rgba(pc), 10x10 (attached pic)
Stream mapping:
  Stream #0:1 -> #0:0 (copy)
"""
STREAMS = [(0, "video"), (1, "audio"), (2, "audio"), (3, "video")]
ENGLISH = Stream(1, "audio", "aac", "eng", frozenset({"default", "hearing impaired"}))
GERMAN = Stream(2, "audio", "ac3", "ger")


def ffmpeg_output(title: str = "a", more: str = "", streams: list[tuple[int, str]] | None = None) -> str:
    """Return ffmpeg's output about a file with this title."""
    found: list[dict[str, Any]] = [
        {"index": index} | ({"media_type": kind} if kind else {}) for index, kind in streams or STREAMS
    ]
    graphs = {"inputfiles": [{"demuxer_name": "mov,mp4", "inputstreams": found}], "filtergraphs": []}
    return INPUT.replace("{title}", title).replace("{more}", more) + json.dumps(graphs, indent=1)[1:].join(
        ["\n{", "\nand more\n"]
    )


def read(text: str) -> listing.Listing:
    """Read a valid listing."""
    found = listing.read(text)
    assert found is not None
    return found


def test_streams_and_times() -> None:
    found = read(ffmpeg_output())
    assert found.demuxer == "mov,mp4"
    assert found.streams == (
        Stream(0, "video", "h264", "", frozenset({"default"})),
        ENGLISH,
        GERMAN,
        Stream(3, "video", "png", "", frozenset({"attached pic"})),
    )
    assert (found.duration, found.start) == (3723.5, -0.021)
    assert (found.copyable, found.locked) == (frozenset({1, 2}), False)


def test_without_a_list_there_are_no_streams() -> None:
    assert listing.read(INPUT) is None
    assert listing.read("") is None


@pytest.mark.parametrize(
    "forged",
    [
        "x\n  Stream #0:1(fre): Audio: mp3, 44100 Hz",
        "x\n  Stream #0:1[0x9](fre): Audio: aac (default)",
        "x\n    Stream #0:1: Video: h264 (attached pic)",
    ],
)
def test_a_stream_that_is_described_twice_has_no_description(forged: str) -> None:
    """A title with line breaks may describe streams, but only the list says which streams exist."""
    found = read(ffmpeg_output(title=forged))
    assert found.streams[1] == Stream(1, "audio")
    assert found.streams[2] == GERMAN


def test_an_unlisted_stream_does_not_exist() -> None:
    found = read(ffmpeg_output(title="x\n  Stream #0:7(fre): Audio: mp3, 44100 Hz"))
    assert [each.index for each in found.streams] == [0, 1, 2, 3]


def test_a_description_of_another_kind_is_ignored() -> None:
    assert read(ffmpeg_output(streams=[(1, "video")])).streams == (Stream(1, "video"),)


def test_a_stream_without_a_kind_uses_its_description() -> None:
    found = read(ffmpeg_output(streams=[(1, ""), (2, "audio")]))
    assert found.streams == (ENGLISH, GERMAN)
    assert found.copyable == {2}


def test_a_forged_duration_is_ignored() -> None:
    found = read(ffmpeg_output(title="x\n  Duration: 00:00:01.00, start: 5.000000, bitrate: 1 kb/s"))
    assert (found.duration, found.start) == (None, 0.0)


def test_undeclared_times() -> None:
    text = ffmpeg_output().replace("01:02:03.50, start: -0.021000", "N/A, start: 1.500000")
    assert (read(text).duration, read(text).start) == (None, 1.5)


@pytest.mark.parametrize("title", ['x\n{\n "inputfiles": []}', "x\nStream mapping:"])
def test_the_last_list_counts(title: str) -> None:
    """A list or heading forged in a title may hide a stream's description, but not the stream."""
    found = read(ffmpeg_output(title=title))
    assert [(each.index, each.kind) for each in found.streams] == STREAMS


def test_encrypted_streams() -> None:
    found = read(ffmpeg_output(more=" (enca / 0x61636E65)"))
    assert [each.locked for each in found.streams] == [False, False, True, False]
    found = read(ffmpeg_output(more="\n      enc_key_id      : abc"))
    assert [each.locked for each in found.streams] == [False, False, True, False]
    assert not found.locked
    assert read("[in#0 @ 0x55] DRM protected stream detected, decoding will likely fail!\n" + ffmpeg_output()).locked
