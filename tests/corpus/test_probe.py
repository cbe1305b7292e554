"""The probe's results for real files."""

from __future__ import annotations

import pytest

from functions.common import errors
from functions.convert import probe
from functions.convert.cage import Cage
from functions.convert.probe import Track
from tests.corpus import index
from tests.integration.test_probe import chosen, ffmpeg_output, seen

pytestmark = index.MARKS


def test_containers_and_tracks(cage: Cage) -> None:
    """The probe finds every file's container, and its sound tracks or the reason why it has none."""
    for file in index.files():
        media = seen(file.path, cage)
        if isinstance(media, errors.Kind):
            assert file.sound == "corrupt", file.name
            assert media in index.UNCONVERTIBLE["corrupt"], file.name
            continue
        if file.container:
            assert media.demuxer == file.container, file.name
        if file.sound == "yes":
            assert len(media.tracks) == file.tracks, file.name
            assert isinstance(chosen(media), int), file.name
        if file.sound == "no":
            assert chosen(media) == "no_audio", file.name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("file-type__fixture-moov.mov", errors.UNDECODABLE),
        ("mp4parse__chunk_out_of_range.mp4", errors.UNDECODABLE),
        ("media__sample_fragmented_clearkey.mp4", errors.ENCRYPTED),
        ("patt__eicar.txt", errors.NOT_MEDIA),
    ],
)
def test_unreadable_files(name: str, reason: errors.Kind, cage: Cage) -> None:
    assert seen(index.path(name), cage) is reason


def test_a_sound_track_with_an_unknown_codec_counts(cage: Cage) -> None:
    media = probe.look(index.path("media__sample_missing_stsd.mp4"), cage)
    (track,) = media.tracks
    assert (track.stream, track.number, track.codec, track.default) == (1, 1, "", True)


def test_times(cage: Cage) -> None:
    """The declared length and start are reported as declared, or not at all."""
    assert probe.look(index.path("moviepy__no_duration.webm"), cage).duration is None
    truncated = probe.look(index.path("file-type__fixture2.mkv"), cage)
    assert truncated.duration == pytest.approx(1132.05, abs=0.02)
    late = probe.look(index.path("mux.js__sintel-captions.ts"), cage)
    assert late.duration == pytest.approx(10.12, abs=0.02)
    assert late.start == pytest.approx(9.881, abs=0.001)


def test_a_file_with_many_warnings(cage: Cage) -> None:
    """More warnings than a log holds come first, but the important part is still found."""
    source = index.path("mp4parse__zero_empty_stsc.mp4")
    said = ffmpeg_output(source)
    assert said.index(b"Input #0") > 65_536
    media = probe.look(source, cage)
    assert media.tracks == (Track(stream=1, number=1, codec="aac", default=True),)
    assert media.duration == pytest.approx(41.64)


def test_the_first_track_of_several_defaults_or_none(cage: Cage) -> None:
    media = probe.look(index.path("mediabunny__multiple-aac-tracks.mp4"), cage)
    assert all(track.default for track in media.tracks)
    assert chosen(media) == 1
    media = probe.look(index.path("torchcodec__nasa_13013.mp4"), cage)
    assert [(track.stream, track.number) for track in media.tracks] == [(1, 1), (4, 2)]
    assert media.video == 0


def test_common_encryption(cage: Cage) -> None:
    media = probe.look(index.path("mp4parse__short-cenc.mp4"), cage)
    assert [track.encrypted for track in media.tracks] == [True]
    assert chosen(media) == "encrypted"


def test_chapters(cage: Cage) -> None:
    media = probe.look(index.path("media__sample_with_chapters.mkv"), cage)
    assert [chapter.title for chapter in media.chapters] == ["Chapter 1", "Chapter 2"]
    assert [chapter.start for chapter in media.chapters] == pytest.approx([0.0, 2.0])
    assert [chapter.end for chapter in media.chapters] == pytest.approx([1.999, 4.999])
