"""Several tracks in one MP3: mixed at a level that cannot clip, or each on a side of its own, by the video's clock."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy
import pytest

from functions.common import errors
from functions.common.errors import Failure
from functions.common.options import Options
from functions.convert import engine, probe, selection, sound
from functions.convert.cage import Cage
from functions.convert.limits import Limits
from functions.convert.watch import Watch
from tests.integration.sound_samples import samples_of
from tests.media.beeps import beeping, beeps, heard
from tests.media.pcm import loudness
from tests.media.samples import made, tone
from tests.media.tone import assert_tone, decode_mp3

LOW, HIGH = 400, 1000  # Hz
SINE = 0.125  # how loud ffmpeg's is
RATE = 44_100
CONTAINERS = {"mkv": ["-c:a", "aac"], "mp4": ["-c:a", "aac"], "ts": ["-c:a", "ac3"], "mov": ["-c:a", "pcm_s16le"]}


def hear(path: Path, cage: Cage, wanted: int | str, **options: Any) -> numpy.ndarray:
    """Return the samples of the tracks that the option `track` chooses, one column for each channel."""
    (chosen,) = selection.candidates(probe.look(path, cage), wanted)
    started = sound.start(path, chosen, Options(track=wanted, **options), cage)
    assert (started.rate, started.late) == (options.get("samplerate", RATE), 0.0)
    return samples_of(started)


def convert(source: Path, folder: Path, **options: Any) -> tuple[engine.Made, Path]:
    """Convert a file; return what was made, and the MP3."""
    work = folder / "work"
    work.mkdir()
    source.rename(work / "in")
    watch = Watch(time.monotonic() + 60)
    limits = Limits(36_000, 2**31)
    done = engine.convert(work / "in", work / "out.mp3", Options(**options), watch, limits=limits, encoders=0)
    return done, work / "out.mp3"


def two(path: Path, *words: str, low: float = 2.0, high: float = 2.0) -> Path:
    """Create a file with two mono tracks of so many seconds: a low tone, and a high tone."""
    return made(path, *tone(low, LOW), *tone(high, HIGH), "-map", "0", "-map", "1", *words)


def level(samples: numpy.ndarray, hertz: int) -> float:
    """Return how loud a tone is."""
    phase = 2 * numpy.pi * hertz / RATE * numpy.arange(len(samples))
    return float(2 * abs((samples * numpy.exp(-1j * phase)).mean()))


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_two_tracks_become_left_and_right(suffix: str, cage: Cage, tmp_path: Path) -> None:
    source = two(tmp_path / f"in.{suffix}", "-ar", "44100", *CONTAINERS[suffix])
    for wanted, left, right in (("1+2", LOW, HIGH), ("2+1", HIGH, LOW)):
        samples = hear(source, cage, wanted)
        assert samples.shape[1] == 2
        assert abs(len(samples) / RATE - 2) < 0.1
        middle = samples[RATE // 2 : RATE * 3 // 2]
        assert [level(middle[:, 0], left), level(middle[:, 1], right)] == pytest.approx([SINE, SINE], rel=0.03)
        assert max(level(middle[:, 0], right), level(middle[:, 1], left)) < 0.001


@pytest.mark.parametrize("suffix", CONTAINERS)
@pytest.mark.parametrize("wanted", ["all", "1+2"])
def test_a_mix_cannot_clip(suffix: str, wanted: str, cage: Cage, tmp_path: Path) -> None:
    """Each of two mono tracks has half of the level."""
    source = two(tmp_path / f"in.{suffix}", "-ar", "44100", *CONTAINERS[suffix])
    samples = hear(source, cage, wanted, channels=1)
    assert samples.shape[1] == 1
    middle = samples[RATE // 2 : RATE * 3 // 2, 0]
    assert [level(middle, LOW), level(middle, HIGH)] == pytest.approx([SINE / 2, SINE / 2], rel=0.03)


def test_mono_tracks_make_a_mono_mix_and_others_a_stereo_one(cage: Cage, tmp_path: Path) -> None:
    assert hear(two(tmp_path / "mono.mkv", "-c:a", "flac"), cage, "all").shape[1] == 1
    assert hear(two(tmp_path / "one.mkv", "-c:a", "flac", "-ac:a:1", "2"), cage, "all").shape[1] == 2


@pytest.mark.parametrize("wanted", ["all", "1+2"])
def test_the_longest_track_is_heard_to_its_end_at_one_level(wanted: str, cage: Cage, tmp_path: Path) -> None:
    samples = hear(two(tmp_path / "in.mkv", "-c:a", "flac", low=1.0, high=5.0), cage, wanted)
    assert abs(len(samples) / RATE - 5) < 0.01
    side = samples[:, -1]
    alone, together = level(side[2 * RATE : 4 * RATE], HIGH), level(side[: RATE // 2], HIGH)
    assert alone == pytest.approx(together, rel=0.01)


def test_tracks_may_have_other_rates(cage: Cage, tmp_path: Path) -> None:
    source = two(tmp_path / "in.mkv", "-c:a", "flac", "-ar:a:1", "48000")
    samples = hear(source, cage, "1+2")
    assert [level(samples[:, 0], LOW), level(samples[:, 1], HIGH)] == pytest.approx([SINE, SINE], rel=0.03)
    assert abs(len(hear(source, cage, "1+2", samplerate=22_050)) / 22_050 - 2) < 0.01


@pytest.mark.parametrize("wanted", ["all", "1+2", "2+1"])
@pytest.mark.parametrize("start", [0.0, 2.5, 4.5])
def test_each_track_keeps_the_clock(wanted: str, start: float, tmp_path: Path) -> None:
    """One begins three seconds late, and has its beeps where the other has them."""
    words = ["-itsoffset", "3", *beeps(3), *beeps(10), "-map", "0", "-map", "1", "-c:a", "flac"]
    source = made(tmp_path / "in.mkv", *words)
    done, mp3 = convert(source, tmp_path, track=wanted, **({"start": start} if start else {}))
    assert done.duration == pytest.approx(10 - start, abs=0.05)
    expected = [second - start for second in range(1, 10) if second > start]
    assert heard(mp3) == pytest.approx(expected, abs=0.02)


def test_effects_and_loudness_apply_to_the_mix(tmp_path: Path) -> None:
    source = two(tmp_path / "in.mkv", "-c:a", "flac")
    done, mp3 = convert(source, tmp_path, track="all", speed=0.5, fade_out=1.0, normalize=-20.0)
    assert done.duration == pytest.approx(4.0, abs=0.05)
    assert loudness(mp3.read_bytes())[0] == pytest.approx(-20, abs=0.5)
    samples = decode_mp3(mp3)
    assert level(samples[RATE:-RATE], LOW // 2) == pytest.approx(level(samples[RATE:-RATE], HIGH // 2), rel=0.05)
    assert numpy.abs(samples[-RATE // 10 :]).max() < numpy.abs(samples).max() / 5


def test_a_mix_passes_over_tracks_without_sound(tmp_path: Path) -> None:
    source = two(tmp_path / "in.mkv", "-c:a", "flac", low=1.0, high=5.0)
    _, mp3 = convert(source, tmp_path, track="all", start=2.0)
    assert_tone(mp3, HIGH, 3.0)


def test_a_mix_passes_over_tracks_that_cannot_be_decoded(tmp_path: Path) -> None:
    source = two(tmp_path / "in.mp4", "-c:a", "aac")
    content = source.read_bytes()
    source.write_bytes(content.replace(b"mp4a", b"xyza", 1).replace(b"esds", b"xyzs", 1))
    _, mp3 = convert(source, tmp_path, track="all")
    assert_tone(mp3, HIGH, 2.0)
    (tmp_path / "sides").mkdir()
    with pytest.raises(Failure) as failure:
        convert(tmp_path / "work" / "in", tmp_path / "sides", track="1+2")
    assert failure.value.kind is errors.UNDECODABLE


@pytest.mark.parametrize(
    ("wanted", "options", "kind"),
    [
        ("1+3", {}, errors.NO_SUCH_TRACK),
        ("3+1", {}, errors.NO_SUCH_TRACK),
        ("all", {"start": 9.0}, errors.OUT_OF_RANGE),
        ("1+2", {"start": 9.0}, errors.OUT_OF_RANGE),
        ("1+2", {"start": 1.5}, errors.OUT_OF_RANGE),
    ],
)
def test_what_cannot_be_mixed(wanted: str, options: dict[str, float], kind: errors.Kind, tmp_path: Path) -> None:
    """A side without sound is refused: half of what was asked for would look like success."""
    source = two(tmp_path / "in.mkv", "-c:a", "flac", low=1.0, high=5.0)
    with pytest.raises(Failure) as failure:
        convert(source, tmp_path, track=wanted, **options)
    assert failure.value.kind is kind


def test_one_track_is_all_of_a_file_that_has_no_other(tmp_path: Path) -> None:
    done, mp3 = convert(beeping(tmp_path / "in.mkv", "-c:a", "flac"), tmp_path, track="all")
    assert done.notes == ()
    assert heard(mp3) == pytest.approx(list(range(1, 10)), abs=0.02)


@pytest.mark.parametrize(
    ("wanted", "others"), [(None, [2, 3]), (2, [1, 3]), ("1+3", [2]), ("all", []), ("deu", [1, 3])]
)
def test_the_other_tracks_are_noted(wanted: int | str | None, others: list[int], tmp_path: Path) -> None:
    words = [word for hertz in (400, 600, 800) for word in tone(1.0, hertz)]
    maps = [word for number in range(3) for word in ("-map", str(number))]
    source = made(tmp_path / "in.mkv", *words, *maps, "-metadata:s:a:1", "language=ger", "-c:a", "flac")
    done, _ = convert(source, tmp_path, track=wanted)
    assert done.notes == (("other_tracks",) if others else ())
    assert [track.number for track in done.others] == others
