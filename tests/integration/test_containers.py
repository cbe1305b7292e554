"""Containers: what ffmpeg writes is recognized, however a recording was cut, and its sound can be decoded."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from functions.common.containers import HEAD_BYTES, recognized
from functions.common.options import Options
from functions.convert import probe, selection, sound
from functions.convert.cage import Cage
from tests.integration.sound_samples import samples_of
from tests.media.samples import made, pictures, tone

AAC, MP2 = ["-c:a", "aac"], ["-c:a", "mp2"]
VIDEO = ["-c:v", "mpeg4", *AAC]
FRAGMENTED = ["-movflags", "frag_keyframe+empty_moov+default_base_moof"]
# A file's name, and ffmpeg's words for it; those with pictures have them first.
SOUNDS = {
    "m4a": ["-c:a", "alac"],
    "ipod": [*AAC, "-f", "ipod"],
    "3gp": [*AAC, "-f", "3gp"],
    "3g2": [*AAC, "-f", "3g2"],
    "cmaf": [*AAC, *FRAGMENTED, "-f", "mp4", "-brand", "cmfc"],
    "dash": [*AAC, *FRAGMENTED, "-f", "mp4", "-brand", "dash"],
    "mka": ["-c:a", "flac"],
    "webm": ["-c:a", "libopus"],
    "wav": ["-c:a", "pcm_s24le"],
    "rf64": ["-rf64", "always", "-f", "wav"],
    "w64": ["-f", "w64"],
    "ogg": ["-c:a", "libvorbis"],
    "wma": ["-c:a", "wmav2", "-f", "asf"],
    "flac": [],
    "aiff": [],
    "caf": ["-c:a", "pcm_s16be"],
    "au": [],
    "tta": [],
    "wv": [],
    "dts": ["-c:a", "dca", "-strict", "-2", "-ar", "48000"],
    "mp3": ["-c:a", "libmp3lame", "-id3v2_version", "0"],
    "mp2": MP2,
    "aac": AAC,
    "ac3": ["-ar", "48000"],
    "eac3": ["-ar", "44100"],
    "ra": ["-c:a", "real_144", "-ar", "8000", "-ac", "1", "-f", "rm"],
}
MOVIES = {
    "mp4": VIDEO,
    "mov": VIDEO,
    "f4v": ["-c:v", "libx264", *AAC],
    "ismv": ["-c:v", "libx264", *AAC],
    "mkv": VIDEO,
    "avi": ["-c:v", "mpeg4", *MP2],
    "flv": ["-c:v", "flv", *AAC],
    "nut": VIDEO,
    "psp": ["-r", "30000/1001", "-c:v", "libx264", *AAC, "-ar", "48000", "-f", "psp"],
    "mxf": ["-r", "25", "-c:v", "mpeg2video", "-c:a", "pcm_s16le", "-ar", "48000"],
    "ts": ["-c:v", "mpeg2video", *MP2],
    "m2ts": ["-c:v", "mpeg2video", *MP2],
    "mpg": ["-c:v", "mpeg2video", *MP2],
    "vob": ["-c:v", "mpeg2video", *MP2],
    "dv": ["-s", "720x576", "-r", "25", "-c:v", "dvvideo", "-c:a", "pcm_s16le", "-ar", "48000", "-ac", "2"],
}
PICTURES_ONLY = {
    "ivf": ["-c:v", "libvpx"],
    "m1v": ["-c:v", "mpeg1video", "-r", "25"],
    "m2v": ["-c:v", "mpeg2video"],
    "m4v": ["-c:v", "mpeg4", "-f", "m4v"],
    "h264": ["-c:v", "libx264"],
    "hevc": ["-c:v", "libx265", "-x265-params", "log-level=none"],
}


def written(kind: str, folder: Path, seconds: float = 1.0) -> bytes:
    """Return a file of a kind."""
    path = folder / f"in.{kind}"
    if kind in SOUNDS:
        made(path, *tone(seconds), *SOUNDS[kind])
    elif kind in MOVIES:
        made(path, *pictures(seconds), *tone(seconds), *MOVIES[kind])
    else:
        made(path, *pictures(seconds), *PICTURES_ONLY[kind])
    return path.read_bytes()


def is_media(content: bytes) -> bool:
    return recognized(content[:HEAD_BYTES]) is not None


def seconds_heard(content: bytes, cage: Cage, folder: Path) -> float:
    """Decode a file's sound as convert does, whatever its name."""
    path = folder / "in"
    path.write_bytes(content)
    chosen, *_ = selection.candidates(probe.look(path, cage), None)
    started = sound.start(path, chosen, Options(), cage)
    return len(samples_of(started)) / started.rate


@pytest.mark.parametrize("kind", [*SOUNDS, *MOVIES])
def test_every_container_is_recognized_and_decoded(kind: str, cage: Cage, tmp_path: Path) -> None:
    content = written(kind, tmp_path)
    assert is_media(content)
    assert abs(seconds_heard(content, cage, tmp_path) - 1) < 0.1


@pytest.mark.parametrize("kind", PICTURES_ONLY)
def test_pictures_without_a_container_are_recognized(kind: str, tmp_path: Path) -> None:
    """Convert says that they have no sound."""
    assert is_media(written(kind, tmp_path))


@pytest.mark.parametrize("kind", ["ts", "m2ts", "mp3", "mp2", "aac", "ac3", "eac3"])
@pytest.mark.parametrize("cut", [1, 50, 187, 1000])
def test_a_recording_may_begin_anywhere(kind: str, cut: int, cage: Cage, tmp_path: Path) -> None:
    content = written(kind, tmp_path, 3.0)[cut:]
    assert is_media(content)
    assert seconds_heard(content, cage, tmp_path) > 2


def test_a_transport_stream_with_parity(cage: Cage, tmp_path: Path) -> None:
    """DVB adds sixteen bytes to each packet."""
    plain = io.BytesIO(written("ts", tmp_path, 3.0))
    content = b"".join(packet + bytes(16) for packet in iter(lambda: plain.read(188), b""))
    for cut in (0, 100):
        assert is_media(content[cut:])
        assert seconds_heard(content[cut:], cage, tmp_path) > 2


@pytest.mark.parametrize(
    "brand", ["zzzz", "mp71", "XAVC", "NDSC", "dby1", "M4VP", "qt  ", "3g2a", "cmf2", "MSNV", "hvc1"]
)
def test_the_brand_of_an_mp4_does_not_matter(brand: str, cage: Cage, tmp_path: Path) -> None:
    content = bytearray(written("mp4", tmp_path))
    content[8:12] = brand.encode()
    assert is_media(bytes(content))
    assert abs(seconds_heard(bytes(content), cage, tmp_path) - 1) < 0.1


def test_an_mp4_without_a_type(cage: Cage, tmp_path: Path) -> None:
    """Old QuickTime files begin with their index, their data, or free space."""
    content = written("mov", tmp_path)
    rest = content[int.from_bytes(content[:4], "big") :]
    assert rest[4:8] == b"wide"
    assert is_media(rest)
    free = b"\0\0\0\x14free" + bytes(12)
    assert len(free) == int.from_bytes(content[:4], "big")
    assert is_media(free + rest)
    assert abs(seconds_heard(free + rest, cage, tmp_path) - 1) < 0.1
