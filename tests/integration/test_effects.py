"""Effects compared with numpy: the result to the sample, the order, and the memory used."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import IO, Any

import numpy
import pytest

from functions.common.options import Options
from functions.convert import effects, sound, wav
from functions.convert.cage import Cage
from functions.convert.probe import Track
from functions.convert.selection import alone
from tests.integration.sound_samples import samples_of
from tests.media.pcm import Samples, made_of

RATE = 44_100
FLOAT_STEP = 2**-23
HOUR_RATE = 11_025
HOUR_FRAMES = 3900 * HOUR_RATE
BLOCK_FRAMES = 2**20
MAX_MEMORY_BYTES = 80e6
MEMORY_GROWTH_BYTES = 4e6


@pytest.fixture
def changed(cage: Cage, tmp_path: Path) -> Callable[..., Samples]:
    """A function that applies options to samples."""

    def change(samples: Samples, rate: int = RATE, **options: Any) -> Samples:
        path = made_of(samples, rate, tmp_path / "in.wav", "-c:a", "pcm_f32le")
        track = Track(0, 1, mono=samples.shape[1] == 1)
        started = sound.start(path, alone(track), Options(**options), cage)
        assert started.rate == rate
        return samples_of(started)

    return change


def noise(channels: int = 2, seconds: float = 3.0, rate: int = RATE) -> Samples:
    random = numpy.random.default_rng(3)
    return random.uniform(-0.4, 0.4, (int(rate * seconds), channels)).astype("f4")


def tone(hertz: float, seconds: float = 3.0, rate: int = RATE, channels: int = 2) -> Samples:
    moments = numpy.arange(int(rate * seconds)) / rate
    return numpy.repeat(0.5 * numpy.sin(2 * numpy.pi * hertz * moments)[:, None], channels, 1)


def faded(samples: Samples, rate: int, fade_in: float, fade_out: float) -> Samples:
    """Return samples faded in and out linearly."""
    moments = numpy.arange(len(samples)) / rate
    level = numpy.ones(len(samples))
    if fade_in:
        level *= numpy.minimum(1, moments / fade_in)
    if fade_out:
        level *= numpy.minimum(1, (len(samples) / rate - moments) / fade_out)
    result: Samples = samples * level[:, None]
    return result


@pytest.mark.parametrize(("volume", "channels"), [(0.0, 2), (0.3, 1), (1.5, 2), (10.0, 1)])
def test_volume_is_a_factor(changed: Callable[..., Samples], volume: float, channels: int) -> None:
    """Each sample equals numpy's, bit for bit; nothing is clipped."""
    samples = noise(channels)
    assert (changed(samples, volume=volume) == samples * numpy.float32(volume)).all()


@pytest.mark.parametrize(
    ("fade_in", "fade_out", "channels"),
    [(1.0, 0.0, 2), (0.0, 1.5, 1), (0.7, 1.1, 2), (2.0, 2.0, 1), (2.0, 2.0, 2), (5.0, 10.0, 1)],
)
def test_fades_are_linear(changed: Callable[..., Samples], fade_in: float, fade_out: float, channels: int) -> None:
    """Also where two fades meet, and where the sound is shorter than they are."""
    samples = noise(channels)
    expected = faded(samples, RATE, fade_in, fade_out)
    assert numpy.abs(changed(samples, fade_in=fade_in, fade_out=fade_out) - expected).max() < FLOAT_STEP


# Each speed at two rates; each rate slower and faster.
@pytest.mark.parametrize(
    ("speed", "rate"),
    [
        (0.25, 8000),
        (0.25, 44_100),
        (0.5, 22_050),
        (0.5, 48_000),
        (0.9, 44_100),
        (0.9, 48_000),
        (1.37, 8000),
        (1.37, 22_050),
        (2.0, 44_100),
        (2.0, 48_000),
        (4.0, 8000),
        (4.0, 22_050),
    ],
)
def test_speed_changes_length_and_pitch(changed: Callable[..., Samples], speed: float, rate: int) -> None:
    """A tone becomes the same tone at another pitch, without other tones."""
    hertz = 300.0
    fast = changed(tone(hertz, rate=rate), rate, speed=speed)
    assert abs(len(fast) - 3 * rate / speed) <= 1
    expected = tone(hertz * speed, len(fast) / rate + 1, rate)[: len(fast)]
    middle = slice(rate // 20, -rate // 20)
    assert numpy.abs(fast - expected)[middle].max() < 0.5 / 1000


def test_a_mono_sound_at_another_speed(changed: Callable[..., Samples]) -> None:
    fast = changed(tone(300, channels=1), speed=2.0)
    assert fast.shape == (3 * RATE / 2, 1)
    assert numpy.abs(fast - tone(600, 1.5, channels=1))[2000:-2000].max() < 0.5 / 1000


def test_tones_that_become_too_high_are_removed(changed: Callable[..., Samples]) -> None:
    """Fifteen kilohertz at double speed are thirty, which would alias to fourteen at this rate."""
    assert numpy.abs(changed(tone(15_000), speed=2.0))[2000:-2000].max() < 0.5 / 1000


def test_high_tones_stay_clean(changed: Callable[..., Samples]) -> None:
    """Poor interpolation between samples would add another tone."""
    slow = changed(tone(10_000), speed=0.9)[RATE // 10 : -RATE // 10, 0]
    spectrum = numpy.abs(numpy.fft.rfft(slow * numpy.hanning(len(slow))))
    peak = int(spectrum.argmax())
    assert abs(peak * RATE / len(slow) - 9000) < 2
    spectrum[peak - 10 : peak + 11] = 0
    assert spectrum.max() < 10 ** (-45 / 20) * len(slow) / 8


def test_the_order_of_effects(changed: Callable[..., Samples]) -> None:
    """The cut is in source time; the fades are in output time, after speed and volume."""
    samples = noise(seconds=6.0)
    samples[: 2 * RATE] = 0.9  # would be audible if it were not cut off
    options = {"start": 2.0, "end": 5.0, "speed": 0.5}
    expected = faded(1.5 * changed(samples, **options).astype(float), RATE, 2.0, 3.0)
    assert len(expected) == 6 * RATE
    result = changed(samples, volume=1.5, fade_in=2.0, fade_out=3.0, **options)
    assert numpy.abs(result - expected).max() < 4 * FLOAT_STEP
    louder = changed(samples, volume=1.5, start=2.0, end=5.0)
    assert (louder == 1.5 * samples[2 * RATE : 5 * RATE]).all()


@pytest.mark.parametrize(
    ("frames", "options"),
    [
        (1, {"volume": 0.5}),
        (2, {"fade_out": 0.5}),
        (2**15 - 1, {"volume": 0.5}),
        (2**15, {"fade_out": 0.5}),
        (2**15 + 1, {"volume": 0.5}),
        (2**15 + 1, {"fade_out": 0.5}),
    ],
)
def test_no_frame_is_lost_at_the_end(changed: Callable[..., Samples], frames: int, options: dict[str, float]) -> None:
    assert len(changed(noise(seconds=1.0)[:frames], **options)) == frames


# Resampling rounds the length, and turns very few samples into none.
@pytest.mark.parametrize(
    ("frames", "speed"),
    [
        (441, 0.25),
        (441, 4.0),
        (2**15 - 1, 0.7),
        (2**15 - 1, 3.0),
        (2**15, 0.25),
        (2**15, 4.0),
        (2**15 + 1, 0.7),
        (2**15 + 1, 3.0),
    ],
)
def test_no_frame_is_lost_at_the_end_at_another_speed(
    changed: Callable[..., Samples], frames: int, speed: float
) -> None:
    assert abs(len(changed(noise(seconds=1.0)[:frames], speed=speed)) - frames / speed) <= 2


def test_modules_beside_the_upload_are_not_imported(changed: Callable[..., Samples], cage: Cage) -> None:
    """The program runs in the upload's folder, but imports nothing from it."""
    for name in ("numpy.py", "moviepy.py", "json.py", "sitecustomize.py", "usercustomize.py", "functions.py"):
        (cage.folder / name).write_text("raise SystemExit(9)")
    samples = noise()
    assert (changed(samples, volume=0.5) == samples / 2).all()


def test_no_input_makes_no_output() -> None:
    program = subprocess.run(
        effects.command(_volume(0.5)), env=effects.environment(), input=b"", capture_output=True, check=True
    )
    assert program.stdout == b""


def test_samples_are_exact_after_an_hour() -> None:
    """Times are floats, which must not lose precision; memory must not grow."""
    header = wav.header(wav.Format(HOUR_RATE, 1))
    blocks = [(first, min(first + BLOCK_FRAMES, HOUR_FRAMES)) for first in range(0, HOUR_FRAMES, BLOCK_FRAMES)]
    memory = []
    with subprocess.Popen(
        effects.command(_volume(0.5)), env=effects.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdin
        assert program.stdout
        feeder = Thread(target=_feed, args=(program.stdin, header, blocks))
        feeder.start()
        assert program.stdout.read(len(header)) == header
        for block in blocks:
            expected = _counted(*block) / 2
            assert program.stdout.read(expected.nbytes) == expected.tobytes()
            memory.append(_resident_bytes(program.pid))
        assert program.stdout.read() == b""
        feeder.join()
    assert program.returncode == 0
    assert max(memory) < MAX_MEMORY_BYTES
    assert max(memory) - memory[2] < MEMORY_GROWTH_BYTES


def _volume(factor: float) -> effects.Wanted:
    return effects.Wanted(rate=None, seconds=None, late=0.0, speed=1.0, volume=factor, fade_in=0.0, fade_out=0.0)


def _counted(first: int, after: int) -> Samples:
    """Return samples whose values are their indexes."""
    return (numpy.arange(first, after) % 65_537 / 65_537).astype("<f4")


def _feed(sink: IO[bytes], header: bytes, blocks: list[tuple[int, int]]) -> None:
    with sink:
        sink.write(header)
        for block in blocks:
            sink.write(_counted(*block).tobytes())


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
