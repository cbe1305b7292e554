"""The check of the tone: an MP3 that is silent, wrong, short, truncated or invalid must not pass."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest

from tests.media.large import large_video, large_video_seconds, long_video
from tests.media.tone import assert_tone, decode_mp3
from tests.media.videos import half_video, silent_video, tone_video

RATE = 44_100


def encoded(source: str, *options: str, seconds: float = 3.0, kind: str = "mp3") -> bytes:
    """Encode one of ffmpeg's sound sources."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source]
    command += ["-t", str(seconds), *options, "-f", kind, "pipe:1"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


def sound_of(video: Path) -> bytes:
    """Convert a video with plain ffmpeg."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(video), "-vn", "-f", "mp3", "pipe:1"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


def test_the_right_tone_passes() -> None:
    assert_tone(encoded("sine=frequency=440", "-af", "volume=4"), 440, 3.0)


def test_a_tone_video_holds_its_tone(tmp_path: Path) -> None:
    assert_tone(sound_of(tone_video(tmp_path, hertz=660, seconds=2.5)), 660, 2.5)


def test_a_large_video_holds_its_tone(tmp_path: Path) -> None:
    video = large_video(tmp_path, 20)
    assert video.stat().st_size >= 20_000_000
    assert_tone(sound_of(video), 440, large_video_seconds(20))


def test_a_long_video_holds_its_tone(tmp_path: Path) -> None:
    assert_tone(sound_of(long_video(tmp_path, 40)), 440, 40)


@pytest.mark.parametrize(
    ("mp3", "complaint"),
    [
        pytest.param(lambda: encoded("anullsrc"), "silent", id="silent"),
        pytest.param(lambda: encoded("sine=frequency=550", "-af", "volume=4"), "550 Hz|552 Hz|548 Hz", id="wrong tone"),
        pytest.param(lambda: encoded("sine=frequency=450", "-af", "volume=4"), "Hz at", id="nearly the tone"),
        pytest.param(lambda: encoded("sine=frequency=440", "-af", "volume=4", seconds=2.5), "lasts", id="too short"),
        pytest.param(lambda: encoded("sine=frequency=440", "-af", "volume=4", seconds=3.5), "lasts", id="too long"),
        pytest.param(
            lambda: encoded("sine=frequency=440", "-af", "volume=4,volume=0:enable='gt(t,1.5)'"),
            "silent at",
            id="silent from the middle",
        ),
        pytest.param(lambda: encoded("anoisesrc=amplitude=0.5"), "Hz at|of the sound", id="noise"),
        pytest.param(
            lambda: encoded("aevalsrc=0.2*sin(880*PI*t)+0.3*(random(0)-0.5)"), "of the sound", id="tone under noise"
        ),
        pytest.param(lambda: encoded("sine=frequency=440", kind="wav"), "not an MP3", id="no MP3"),
        pytest.param(lambda: b"", "not an MP3", id="empty"),
        pytest.param(lambda: encoded("sine=frequency=440")[:-4000] + bytes(4000), "decode|lasts|silent", id="broken"),
    ],
)
def test_wrong_mp3s_fail(mp3: Callable[[], bytes], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        assert_tone(mp3(), 440, 3.0)


def test_a_video_without_audio_has_none(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        sound_of(silent_video(tmp_path))


def test_half_a_video_cannot_be_decoded(tmp_path: Path) -> None:
    video = half_video(tmp_path)
    assert video.read_bytes()[4:8] == b"ftyp"
    with pytest.raises(subprocess.CalledProcessError):
        sound_of(video)


def test_decoding_gives_samples_at_the_rate() -> None:
    samples = decode_mp3(encoded("sine=frequency=440", "-af", "volume=4", seconds=1.0))
    assert abs(len(samples) - RATE) < RATE * 0.1
