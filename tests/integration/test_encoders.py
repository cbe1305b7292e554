"""The encoders: with any number of them, the MP3 equals that of a single encoder, byte for byte."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import os
import subprocess
import tempfile
import tracemalloc
from pathlib import Path
from threading import Thread
from typing import Any

import imageio_ffmpeg
import numpy
import pytest
from fastcrc import crc16

from functions.common import errors
from functions.common.errors import Failure
from functions.common.options import most_bitrate
from functions.convert import cutting, lane, mp3
from functions.convert.blocks import BLOCK_FRAMES
from functions.convert.cage import Cage
from functions.convert.cutting import Cutter
from functions.convert.encoders import Encoded, Encoders, Pcm
from functions.convert.lame import Settings
from functions.convert.lane import Lane
from functions.convert.limits import Limits
from functions.convert.reservoir import Reservoir

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
NO_LIMITS = Limits(1e6, 2**31)
# The shortest segment: with an expected length of 0, all segments are this short.
SEGMENT_FRAMES = 8 * BLOCK_FRAMES
SHORT = 0.1
VBR, CBR = Settings(None, 2, 3), Settings(64, 2, 3)


def segment_samples(rate: int, channels: int) -> int:
    """Return the number of samples in the shortest segment."""
    return SEGMENT_FRAMES * mp3.kind_of(rate, channels).samples


def noise(rate: int, channels: int, samples: int, seed: int = 7) -> bytes:
    """Return noise with a tone and some clicks, which is hard to encode."""
    random = numpy.random.default_rng(seed)
    sound = random.normal(0, 0.1, (samples, channels))
    sound += 0.3 * numpy.sin(2 * numpy.pi * 440 / rate * numpy.arange(samples))[:, None]
    sound[:: rate // 3] = 0.9
    return sound.astype("<f4").tobytes()


def decaying_noise(rate: int, channels: int, samples: int) -> bytes:
    """Return noise that decays towards each segment border: the hardest case for resetting an encoder."""
    random = numpy.random.default_rng(7)
    phase = (numpy.arange(samples) % segment_samples(rate, channels)) / segment_samples(rate, channels)
    return (random.normal(0, 0.3, (samples, channels)) * (10 ** (-4.5 * phase))[:, None]).astype("<f4").tobytes()


def fading_noise(rate: int, channels: int, samples: int) -> bytes:
    """Return noise that fades out before each segment border, then silence, then noise again."""
    random = numpy.random.default_rng(7)
    phase = (numpy.arange(samples) % segment_samples(rate, channels)) / segment_samples(rate, channels)
    gain = numpy.where(phase < 0.5, 1.0, numpy.where(phase < 0.93, 10 ** (-(phase - 0.5) / 0.43 * 5), 0.0))
    return (random.normal(0, 0.2, (samples, channels)) * gain[:, None]).astype("<f4").tobytes()


def single_pass(sound: bytes, rate: int, channels: int, settings: Settings) -> bytes:
    """Encode in a single pass, and lay out VBR as we do."""
    frames = by_ffmpeg(sound, rate, channels, settings)
    return frames if settings.bitrate else laid_out(frames)


def laid_out(frames: bytes) -> bytes:
    """Return frames as the bit reservoir makes them."""
    splitter = mp3.Splitter()
    sizes = list(map(len, splitter.split(frames)))
    splitter.end()
    assert splitter.kind
    reservoir = Reservoir(splitter.kind)
    return reservoir.lay_out(frames, sizes)[0] + reservoir.end()[0]


def by_ffmpeg(sound: bytes, rate: int, channels: int, settings: Settings, *more: str) -> bytes:
    """Encode in a single pass, with only ffmpeg."""
    layout = "mono" if channels == 1 else "stereo"
    command = [FFMPEG, "-v", "error", "-f", "f32le", "-ar", str(rate), "-ch_layout", layout, "-i", "pipe:0"]
    command += [*settings.words(), "-id3v2_version", "0", *(more or ("-write_xing", "0")), "-f", "mp3"]
    if not more:
        return subprocess.run([*command, "pipe:1"], input=sound, capture_output=True, check=True, timeout=60).stdout
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "single_pass.mp3"
        subprocess.run([*command, str(path)], input=sound, check=True, timeout=60)
        return path.read_bytes()


def run(cage: Cage, *given: Any, **more: Any) -> tuple[bytes, Encoded]:
    """Encode; return all frames, which are in the target when it ends."""
    out, into = os.pipe()
    sound, rate, channels, settings = given
    writer = Thread(target=_feed, args=(sound, into))
    writer.start()
    target = io.BytesIO()
    lanes = more.pop("lanes", 1)
    on_progress = more.pop("on_progress", lambda seconds: None)
    try:
        made = Encoders(
            Pcm(out, rate, channels),
            settings,
            target,
            cage,
            lanes=lanes if callable(lanes) else lambda: lanes,
            limits=more.pop("limits", NO_LIMITS),
            seconds=more.pop("seconds", SHORT),
        )
        counted = made.run(on_progress)
        return target.getvalue(), counted
    finally:
        os.close(out)
        writer.join()


def _feed(sound: bytes, into: int) -> None:
    with contextlib.suppress(BrokenPipeError), open(into, "wb") as pipe:  # some tests make the encoders fail
        pipe.write(sound)


@pytest.mark.parametrize("settings", [VBR, CBR], ids=["VBR", "CBR"])
@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (44_100, 1), (48_000, 2), (22_050, 1), (8_000, 2)])
def test_several_encoders_make_the_bytes_of_one_pass(rate: int, channels: int, settings: Settings, cage: Cage) -> None:
    """The first to be free gets a second segment."""
    samples = 7 * segment_samples(rate, channels) // 2
    sound = noise(rate, channels, samples)
    made, counted = run(cage, sound, rate, channels, settings, lanes=3)
    assert made == single_pass(sound, rate, channels, settings)
    assert counted.samples == samples


@pytest.mark.parametrize("settings", [Settings(None, 2, 7), Settings(64, 2, 7)], ids=["VBR", "CBR"])
def test_any_number_of_encoders_makes_the_bytes_of_one_pass(settings: Settings, cage: Cage) -> None:
    """The sound is long enough for each encoder to get a segment."""
    rate, samples = 22_050, 17 * segment_samples(22_050, 1) // 2
    sound = noise(rate, 1, samples)
    expected = single_pass(sound, rate, 1, settings)
    for lanes in range(1, 9):
        before = programs(cage)
        made, counted = run(cage, sound, rate, 1, settings, lanes=lanes)
        assert made == expected, f"{lanes} encoders"
        assert counted.samples == samples
        assert programs(cage) - before >= lanes


def programs(cage: Cage) -> int:
    """Return the number of programs that were started."""
    return len(list(cage.folder.glob("*.log")))


@pytest.mark.parametrize("settings", [VBR, CBR], ids=["VBR", "CBR"])
@pytest.mark.parametrize("more", [-576, -1, 0, 1, 287, 576, 4 * 576, 4 * 576 + 1])
def test_lengths_around_a_border(more: int, settings: Settings, cage: Cage) -> None:
    sound = noise(22_050, 1, 2 * segment_samples(22_050, 1) + more)
    made, _ = run(cage, sound, 22_050, 1, settings, lanes=2)
    assert made == single_pass(sound, 22_050, 1, settings)


@pytest.mark.parametrize("samples", [1, 2, 400, 1151, 1152, 1153, 49 * 1152])
def test_short_sounds(samples: int, cage: Cage) -> None:
    sound = noise(44_100, 2, samples)
    made, counted = run(cage, sound, 44_100, 2, VBR, lanes=8)
    assert made == single_pass(sound, 44_100, 2, VBR)
    assert counted.samples == samples


@pytest.mark.parametrize("sound", [decaying_noise, fading_noise])
@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (48_000, 1), (8_000, 1)])
def test_the_warm_up_resets_an_encoder(sound: Any, rate: int, channels: int, cage: Cage) -> None:
    """A loud part still changes LAME's thresholds for a while; the warm-up is long enough."""
    samples = sound(rate, channels, 9 * segment_samples(rate, channels) // 4)
    for settings in (VBR, Settings(None, 0, 3), CBR):
        made, _ = run(cage, samples, rate, channels, settings, lanes=2)
        assert made == single_pass(samples, rate, channels, settings)


def test_without_a_warm_up_the_bytes_differ(cage: Cage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison above can fail."""
    monkeypatch.setattr(lane, "WARM_UP_BLOCKS", 0)
    sound = noise(44_100, 1, 3 * segment_samples(44_100, 1))
    made, _ = run(cage, sound, 44_100, 1, VBR, lanes=2)
    assert made != single_pass(sound, 44_100, 1, VBR)


def test_the_number_of_encoders_may_change(cage: Cage) -> None:
    """Another conversion starts or ends, which takes or frees cores."""
    turns = itertools.cycle([1, 1, 3, 2, 1, 4])
    sound = noise(22_050, 1, 10 * segment_samples(22_050, 1) + 5)
    made, _ = run(cage, sound, 22_050, 1, CBR, lanes=lambda: next(turns))
    assert made == single_pass(sound, 22_050, 1, CBR)


@pytest.mark.parametrize("settings", [VBR, CBR, Settings(320, 2, 7)], ids=["VBR", "CBR", "CBR 320"])
@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (48_000, 1), (22_050, 2), (8_000, 1)])
def test_the_info_frame_equals_that_of_ffmpeg(rate: int, channels: int, settings: Settings, cage: Cage) -> None:
    settings = dataclasses.replace(settings, bitrate=settings.bitrate and min(settings.bitrate, most_bitrate(rate)))
    sound = noise(rate, channels, 5 * segment_samples(rate, channels) // 4 + 321)
    made, counted = run(cage, sound, rate, channels, settings, lanes=2)
    ours = counted.stream.info_frame(counted.gaps())
    splitter = mp3.Splitter()
    theirs = next(splitter.split(by_ffmpeg(sound, rate, channels, settings, "-write_xing", "1")))
    begin = 4 + counted.stream.kind.side_info
    frames, length = slice(begin + 8, begin + 12), slice(begin + 12, begin + 16)
    gaps, music = slice(begin + 141, begin + 144), slice(begin + 148, begin + 154)
    assert ours[begin : begin + 4] == theirs[begin : begin + 4]
    for field in (frames, gaps):
        assert ours[field] == theirs[field]
    assert int.from_bytes(ours[length], "big") == len(ours) + len(made)
    if settings.bitrate:  # with VBR, our frames are smaller
        # Our frame may have another size than ffmpeg's, which changes the length of the file.
        assert int.from_bytes(theirs[length], "big") == len(theirs) + len(made)
        assert ours[music][4:] == theirs[music][4:], "CRC of the music"
    assert int.from_bytes(ours[music][4:], "big") == crc16.arc(made)
    toc = numpy.frombuffer(ours[begin + 16 : begin + 116], "u1").astype(int)
    assert numpy.all(numpy.diff(toc) >= 0)
    assert numpy.abs(toc - numpy.frombuffer(theirs[begin + 16 : begin + 116], "u1")).max() <= 3


def test_the_file_decodes_to_the_original_samples(cage: Cage, tmp_path: Path) -> None:
    """With the gaps in the Info frame, a player plays exactly as many samples, at the same positions."""
    rate, samples = 44_100, 2 * segment_samples(44_100, 1) + 12_345
    made, counted = run(cage, noise(rate, 1, samples), rate, 1, Settings(192, 2, 3), lanes=2)
    path = tmp_path / "whole.mp3"
    path.write_bytes(counted.stream.info_frame(counted.gaps()) + made)
    command = [FFMPEG, "-v", "error", "-xerror", "-i", str(path), "-f", "f32le", "pipe:1"]
    decoded = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    assert len(decoded) == samples * 4
    before, after = (numpy.frombuffer(each, "<f4") for each in (noise(rate, 1, samples), decoded))
    second = slice(rate // 2, rate)
    assert numpy.argmax(before[second]) == numpy.argmax(after[second])
    error = {shift: numpy.std(before[10:-10] - numpy.roll(after, shift)[10:-10]) for shift in range(-5, 6)}
    assert min(error, key=error.__getitem__) == 0
    assert error[0] < 0.3 * numpy.std(before)


def test_limits_and_progress(cage: Cage) -> None:
    sound = noise(44_100, 1, 44_100 * 30)
    seen: list[float] = []
    run(cage, sound, 44_100, 1, VBR, on_progress=seen.append, seconds=30.0)
    assert seen == sorted(seen)
    assert 29 < seen[-1] < 31
    assert len(set(seen)) >= 3
    for limits, kind in ((Limits(29.9, 2**31), errors.TOO_LONG), (Limits(31.0, 50_000), errors.MP3_TOO_LARGE)):
        with pytest.raises(Failure) as failure:
            run(cage, sound, 44_100, 1, VBR, lanes=2, limits=limits)
        assert failure.value.kind is kind


@pytest.mark.parametrize("value", [numpy.nan, numpy.inf])
def test_samples_that_are_not_numbers(value: float, cage: Cage) -> None:
    """A file may contain any float; LAME accepts only numbers."""
    sound = numpy.full(44_100 * 60, value, "<f4").tobytes()
    with pytest.raises(Failure) as failure:
        run(cage, sound, 44_100, 1, VBR, lanes=2)
    assert failure.value.kind is errors.UNDECODABLE


def test_no_sound_makes_no_frames(cage: Cage) -> None:
    assert run(cage, b"", 44_100, 2, VBR)[1].samples == 0


def test_buffered_sound_is_bounded(cage: Cage, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far ahead the decoder is, only a limited amount is buffered.

    Here all sound is available at once, and the encoders get none of it until no more is read.
    """
    most = 8 * 2**20
    monkeypatch.setattr(cutting, "AHEAD_BYTES", most)
    write, listen, finish = Lane.write, Encoders._listen, Encoders._finish

    def listened(self: Encoders, pipe: int, event: int, act: Any, wanted: bool) -> None:
        if pipe == self._pcm.pipe and not wanted:
            monkeypatch.setattr(Lane, "write", write)
        listen(self, pipe, event, act, wanted)

    def finished(self: Encoders) -> None:
        monkeypatch.setattr(Lane, "write", write)
        finish(self)

    monkeypatch.setattr(Encoders, "_listen", listened)
    monkeypatch.setattr(Encoders, "_finish", finished)
    monkeypatch.setattr(Lane, "write", lambda self: [])
    sound = numpy.random.default_rng(1).uniform(-0.5, 0.5, most).astype("<f4").tobytes()
    tracemalloc.start()
    run(cage, sound, 44_100, 1, Settings(32, 2, 7), lanes=2, seconds=None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < peak < 2 * most < len(sound)


@pytest.mark.parametrize("settings", [VBR, CBR], ids=["VBR", "CBR"])
@pytest.mark.parametrize("lanes", [2, 3, 8])
def test_the_rest_is_shared_at_the_end(
    lanes: int, settings: Settings, cage: Cage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sound that ends much earlier than expected is given to one encoder: the others take halves of the rest.

    Nothing is written before that, otherwise a busy machine would feed so slowly that nothing waits.
    """
    shared = 0
    hand_over, write, finish = Cutter._hand_over, Lane.write, Encoders._finish

    def counted(self: Cutter, rest: Any) -> None:
        nonlocal shared
        shared += 1
        hand_over(self, rest)

    def finished(self: Encoders) -> None:
        monkeypatch.setattr(Lane, "write", write)
        finish(self)

    monkeypatch.setattr(Cutter, "_hand_over", counted)
    monkeypatch.setattr(Encoders, "_finish", finished)
    monkeypatch.setattr(Lane, "write", lambda self: [])
    monkeypatch.setattr(lane, "_SHARE_LEAST_BLOCKS", 1)
    sound = decaying_noise(22_050, 1, 7 * segment_samples(22_050, 1) + 100)
    made, _ = run(cage, sound, 22_050, 1, settings, lanes=lanes, seconds=1e6)
    assert made == single_pass(sound, 22_050, 1, settings)
    assert shared >= (1 if lanes == 2 else 2)
