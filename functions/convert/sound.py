"""Sound: decode a track in the cage, cut it, and change it as the options say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from functions.common import errors
from functions.common.errors import Failure
from functions.common.options import Options
from functions.convert import effects, ffmpeg, filters, wav
from functions.convert.cage import Cage
from functions.convert.chain import Chain
from functions.convert.probe import Track

STREAM = ("-c:a", "pcm_f32le", "-bitexact", "-f", "wav", "pipe:1")
WAV = ("-ignore_length", "1", "-f", "wav")  # a stream may be longer than its header can state

# Few large packets: ffmpeg passes each from thread to thread, which costs more than decoding it.
_PACKET_FRAMES = 8192
# A thread per CPU of a large host would need more memory than the cage allows; no filter here uses them.
_ONE_THREAD = ("-filter_threads", "1")


@dataclass(frozen=True)
class Timing:
    """The rate in Hz and the length in seconds of the decoded sound, as far as effects need them in advance."""

    rate: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Level:
    """A change of loudness: ffmpeg's filters, and the timing that was measured to find them."""

    filters: tuple[str, ...]
    timing: Timing


class Sound:
    """A stream of 32-bit floats, little-endian, interleaved; `head` has already been read from it."""

    def __init__(self, chain: Chain, form: wav.Format, head: bytes) -> None:
        self._chain = chain
        self._form = form
        self.rate, self.channels, self.head = form.rate, form.channels, head

    @property
    def stdout(self) -> IO[bytes]:
        """Return the pipe with the rest of the sound."""
        return self._chain.last.stdout

    def ended(self) -> None:
        """Check, after all of the sound was read, that it ended well. Raises Failure(UNDECODABLE)."""
        self._chain.ended(sounded=True)

    def consumed(self) -> int:
        """Return how many bytes of the upload were read so far."""
        return self._chain.consumed()

    def read_to_end(self) -> int:
        """Read the sound to its end and return the number of frames. Raises Failure as `start` does."""
        length = len(self.head) + sum(map(len, self._chain.blocks()))
        self._chain.ended(sounded=True)
        return length // self._form.frame_bytes


def start(source: Path, track: Track, options: Options, cage: Cage, level: Level | None = None) -> Sound:
    """Start decoding a track, and return its sound: one or two channels, at a rate that MP3 supports.

    Raises Failure: NO_AUDIO, UNDECODABLE, CONVERT_TIMED_OUT, or OUT_OF_RANGE if there is none between start and end.
    """
    decoding = Decoding(source, track, options, cage)
    return decoding.opened(decoding.chain(level or Level((), decoding.timing())))


def reading(form: Sequence[str], changes: Sequence[str], output: Sequence[str], level: str = "error") -> list[str]:
    """Return the command of an ffmpeg that reads sound of a format from the program before it."""
    words = ["-protocol_whitelist", "pipe", *form, "-i", "pipe:0", *_filtered(changes), *output]
    return ffmpeg.command(*words, level=level)


@dataclass(frozen=True)
class Decoding:
    """A track, and the options for its sound."""

    source: Path
    track: Track
    options: Options
    cage: Cage

    def timing(self) -> Timing:
        """Measure what the effects need: mostly nothing; for the rate decode one packet, for the length the whole."""
        if self.options.fade_out:
            mono = self._with(channels=1)
            sound = mono.opened(mono._decoder())
            return Timing(sound.rate, sound.read_to_end() / sound.rate)
        if _speed(self.options) != 1:
            return Timing(self.options.samplerate or self._first().rate)
        return Timing()

    def chain(self, level: Level, output: Sequence[str] = STREAM) -> Chain:
        """Start the decoder, and the programs after it that the options need."""
        if not self.options.needs_effects:
            return self._decoder(level.filters, output)
        speed, rate = _speed(self.options), level.timing.rate
        chain = self._decoder(filters.oversampled(rate, speed) if rate and speed != 1 else ())
        chain.then(effects.command(_wanted(self.options, level.timing)), environment=effects.environment())
        if level.filters or output != STREAM:
            chain.then(reading(WAV, level.filters, output), needs_sound=True)
        return chain

    def opened(self, chain: Chain) -> Sound:
        """Wait for the beginning of the sound, and return it. Raises Failure as `start` does."""
        blocks = chain.blocks()
        try:
            form, head = wav.read(lambda: next(blocks, b""))
        except EOFError:
            raise self.nothing(chain) from None
        head = head or next(blocks, b"")
        if not head:
            raise self.nothing(chain)
        return Sound(chain, form, head)

    def nothing(self, chain: Chain) -> Failure:
        """Return, or raise, the reason why a chain made no sound."""
        chain.ended(sounded=False)
        if self.options.start is None and self.options.end is None:
            return Failure(errors.UNDECODABLE)
        self._with(start=None, end=None)._first()
        return Failure(errors.OUT_OF_RANGE)

    def _first(self) -> Sound:
        """Decode one packet."""
        sound = self.opened(self._decoder((), ("-frames:a", "1", *STREAM)))
        sound.read_to_end()
        return sound

    def _decoder(self, changes: Sequence[str] = (), output: Sequence[str] = STREAM) -> Chain:
        every = [*filters.negotiated(self.options, mono=self.track.mono), *filters.cut(self.options), *changes]
        command = ffmpeg.command(
            "-threads",
            "1",
            *ffmpeg.opening(self.source),
            "-map",
            f"0:{self.track.stream}",
            *_filtered(every),
            "-map_metadata",
            "-1",
            "-map_chapters",
            "-1",
            *output,
        )
        return Chain(command, self.cage)

    def _with(self, **options: Any) -> Decoding:
        return replace(self, options=replace(self.options, **options))


def _filtered(changes: Sequence[str]) -> list[str]:
    return [*_ONE_THREAD, "-af", ",".join([*changes, f"asetnsamples=n={_PACKET_FRAMES}:p=0"])]


def _wanted(options: Options, timing: Timing) -> effects.Wanted:
    speed = _speed(options)
    return effects.Wanted(
        rate=None if speed == 1 else timing.rate,
        seconds=timing.seconds,
        speed=speed,
        volume=1.0 if options.volume is None else options.volume,
        fade_in=options.fade_in or 0.0,
        fade_out=options.fade_out or 0.0,
    )


def _speed(options: Options) -> float:
    return 1.0 if options.speed is None else options.speed
