"""Sound: what the encoders hear, decoded in the cage, cut, and changed as the options say."""

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
WAV = ("-ignore_length", "1", "-f", "wav")  # a stream may be longer than its header can say

# Few large packets: ffmpeg hands each from thread to thread, which costs more than to decode it.
_PACKET_FRAMES = 8192
# A pool for each processor of a large host would be more memory than the cage allows; nothing here uses it.
_ONE_THREAD = ("-filter_threads", "1")


@dataclass(frozen=True)
class Ground:
    """What effects must know before they begin, where they must: rate in Hz and length in seconds as decoded."""

    rate: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Level:
    """How loud the sound is to be: filters of ffmpeg, and what was learnt while they were sought."""

    filters: tuple[str, ...]
    ground: Ground


class Sound:
    """A stream of floats, 32 bits, little-endian, interleaved; what was read of it already is `head`."""

    def __init__(self, chain: Chain, form: wav.Format, head: bytes) -> None:
        self._chain = chain
        self._form = form
        self.rate, self.channels, self.head = form.rate, form.channels, head

    @property
    def stdout(self) -> IO[bytes]:
        """Return the pipe that the rest of the sound comes from."""
        return self._chain.last.stdout

    def ended(self) -> None:
        """See that the sound came to a good end, once all of it was read. Raises Failure(UNDECODABLE)."""
        self._chain.ended(sounded=True)

    def consumed(self) -> int:
        """Return how many bytes of the upload were read for it."""
        return self._chain.consumed()

    def drained(self) -> int:
        """Read the sound to its end, and return how many frames there were. Raises Failure as `start` does."""
        length = len(self.head) + sum(map(len, self._chain.blocks()))
        self._chain.ended(sounded=True)
        return length // self._form.frame_bytes


def start(source: Path, track: Track, options: Options, cage: Cage, level: Level | None = None) -> Sound:
    """Start to decode a track, and return its sound: one or two channels at a rate of MP3's.

    Raises Failure: NO_AUDIO, UNDECODABLE, CONVERT_TIMED_OUT, or OUT_OF_RANGE when there is none between start and end.
    """
    decoding = Decoding(source, track, options, cage)
    return decoding.opened(decoding.chain(level or Level((), decoding.ground())))


def reading(form: Sequence[str], changes: Sequence[str], output: Sequence[str], level: str = "error") -> list[str]:
    """Return the command of an ffmpeg that reads what the program before it writes, in that form."""
    words = ["-protocol_whitelist", "pipe", *form, "-i", "pipe:0", *_filtered(changes), *output]
    return ffmpeg.command(*words, level=level)


@dataclass(frozen=True)
class Decoding:
    """A track, and what is wanted of its sound."""

    source: Path
    track: Track
    options: Options
    cage: Cage

    def ground(self) -> Ground:
        """Find out what the effects must know: nothing for most, one packet for the rate, all of it for the length."""
        if self.options.fade_out:
            mono = self._with(channels=1)
            sound = mono.opened(mono._decoder())
            return Ground(sound.rate, sound.drained() / sound.rate)
        if _speed(self.options) != 1:
            return Ground(self.options.samplerate or self._first().rate)
        return Ground()

    def chain(self, level: Level, output: Sequence[str] = STREAM) -> Chain:
        """Start the decoder, and behind it what else it takes."""
        if not self.options.needs_effects:
            return self._decoder(level.filters, output)
        speed, rate = _speed(self.options), level.ground.rate
        chain = self._decoder(filters.oversampled(rate, speed) if rate and speed != 1 else ())
        chain.then(effects.command(_wanted(self.options, level.ground)), environment=effects.environment())
        if level.filters or output != STREAM:
            chain.then(reading(WAV, level.filters, output), needs_sound=True)
        return chain

    def opened(self, chain: Chain) -> Sound:
        """Wait until the sound begins, and return it. Raises Failure as `start` does."""
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
        """Return why no sound came out of a chain, or raise it."""
        chain.ended(sounded=False)
        if self.options.start is None and self.options.end is None:
            return Failure(errors.UNDECODABLE)
        self._with(start=None, end=None)._first()
        return Failure(errors.OUT_OF_RANGE)

    def _first(self) -> Sound:
        """Decode one packet."""
        sound = self.opened(self._decoder((), ("-frames:a", "1", *STREAM)))
        sound.drained()
        return sound

    def _decoder(self, changes: Sequence[str] = (), output: Sequence[str] = STREAM) -> Chain:
        every = [*filters.negotiated(self.options), *filters.cut(self.options), *changes]
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


def _wanted(options: Options, ground: Ground) -> effects.Wanted:
    speed = _speed(options)
    return effects.Wanted(
        rate=None if speed == 1 else ground.rate,
        seconds=ground.seconds,
        speed=speed,
        volume=1.0 if options.volume is None else options.volume,
        fade_in=options.fade_in or 0.0,
        fade_out=options.fade_out or 0.0,
    )


def _speed(options: Options) -> float:
    return 1.0 if options.speed is None else options.speed
