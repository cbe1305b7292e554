"""Sound: decode a track in the cage, cut it, and change it as the options say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from functions.common import errors
from functions.common.errors import Failure
from functions.common.options import Options
from functions.convert import effects, ffmpeg, filters, mixing, wav
from functions.convert.cage import Cage
from functions.convert.chain import Chain
from functions.convert.mixing import Part
from functions.convert.selection import Selection, alone

STREAM = ("-c:a", "pcm_f32le", "-bitexact", "-f", "wav", "pipe:1")
WAV = ("-ignore_length", "1", "-f", "wav")  # a stream may be longer than its header can state

# Few large packets: ffmpeg passes each from thread to thread, which costs more than decoding it.
_LARGE_PACKETS = ("asetnsamples=n=8192:p=0",)
_BROKEN_OFF = "] Error during demuxing: "
_CEILING_DBTP = -1.0
# A thread per CPU of a large host would need more memory than the cage allows; no filter here uses them.
_ONE_THREAD = ("-filter_threads", "1")


@dataclass(frozen=True)
class Plan:
    """How to decode; what only the decoding shows leads to another plan.

    In large packets, unless the sound changes its form on the way, when a packet that is not full is lost; without a
    limiter, or with one for this rate in Hz, because the sound goes beyond full scale.
    """

    large_packets: bool = True
    limited: int | None = None


USUAL = Plan()


class Replanned(Exception):
    """The sound needs another plan, from its beginning."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.plan = plan


@dataclass(frozen=True)
class Timing:
    """The rate in Hz and the length in seconds of the decoded sound, as far as effects need them in advance.

    `late` is the silence before it in seconds, which is part of the length.
    """

    rate: int | None = None
    seconds: float | None = None
    late: float = 0.0


@dataclass(frozen=True)
class Level:
    """A change of loudness: ffmpeg's filters, and the timing that was measured to find them."""

    filters: tuple[str, ...]
    timing: Timing


class Sound:
    """A stream of 32-bit floats, little-endian, interleaved; `head` has already been read from it.

    It begins after `late` seconds of silence, which are not in the stream.
    """

    def __init__(
        self, chain: Chain, form: wav.Format, head: bytes, late: float, plan: Plan, *, metered: bool = False
    ) -> None:
        self._chain = chain
        self._form = form
        self._plan = plan
        self._metered = metered
        self.rate, self.channels, self.head, self.late = form.rate, form.channels, head, late

    @property
    def stdout(self) -> IO[bytes]:
        """Return the pipe with the rest of the sound."""
        return self._chain.last.stdout

    def check(self, *, ended: bool = False) -> None:
        """Raise Replanned if what was decoded so far, or all of it, needs another plan."""
        if self._plan.large_packets and any(filters.forms(words) > 1 for words in self._chain.words()):
            raise Replanned(replace(self._plan, large_packets=False))
        words = self._chain.last.words()
        over = effects.OVER in words or (self._metered and filters.is_over(words, ended=ended))
        if over and not self._plan.limited:
            raise Replanned(replace(self._plan, limited=self.rate))

    def ended(self) -> None:
        """Check, after all of the sound was read, that it ended well. Raises Failure(UNDECODABLE)."""
        self._chain.ended(sounded=True)

    def broke_off(self) -> bool:
        """Tell whether the decoder stopped before the end of the upload."""
        return any(_BROKEN_OFF in words for words in self._chain.words())

    def consumed(self) -> int:
        """Return how many bytes of the upload were read so far."""
        return self._chain.consumed()

    def read_to_end(self) -> int:
        """Read the sound to its end and return the number of frames. Raises Failure as `start` does."""
        length = len(self.head) + sum(map(len, self._chain.blocks()))
        self._chain.ended(sounded=True)
        return length // self._form.frame_bytes


def start(
    source: Path, selection: Selection, options: Options, cage: Cage, level: Level | None = None, plan: Plan = USUAL
) -> Sound:
    """Start decoding tracks, and return their sound: one or two channels, at a rate that MP3 supports.

    Raises Failure: NO_AUDIO, UNDECODABLE, CONVERT_TIMED_OUT, or OUT_OF_RANGE if there is none between start and end.
    """
    decoding = Decoding(source, selection, options, cage, plan)
    level = level or Level((), decoding.timing())
    if plan.limited:
        level = replace(level, filters=(*level.filters, *filters.limited(plan.limited, _CEILING_DBTP)))
    metered = not plan.limited
    return decoding.opened(decoding.chain(level, metered=metered), metered=metered and not options.needs_effects)


def reading(form: Sequence[str], changes: Sequence[str], output: Sequence[str], level: str = "error") -> list[str]:
    """Return the command of an ffmpeg that reads sound of a format from the program before it."""
    words = ["-protocol_whitelist", "pipe", *form, "-i", "pipe:0", *_filtered([*changes, *_LARGE_PACKETS]), *output]
    return ffmpeg.command(*words, level=level)


@dataclass(frozen=True)
class Decoding:
    """Tracks, and the options for their sound."""

    source: Path
    selection: Selection
    options: Options
    cage: Cage
    plan: Plan = USUAL

    def timing(self) -> Timing:
        """Measure what the effects need: for rate and beginning decode one packet, for the length the whole."""
        if self.options.fade_out:
            mono = self._with(channels=1)
            sound = mono.opened(mono._decoder())
            return Timing(sound.rate, sound.late + sound.read_to_end() / sound.rate, sound.late)
        stamped = any(track.clock.stamped for track in self.selection.tracks)
        if self.options.needs_effects and (stamped or _speed(self.options) != 1):
            first = self._first()
            return Timing(self.options.samplerate or first.rate, late=first.late)
        return Timing()

    def chain(self, level: Level, output: Sequence[str] = STREAM, *, metered: bool = False) -> Chain:
        """Start the decoder, and the programs after it that the options need; the effects always have a meter."""
        if not self.options.needs_effects:
            return self._decoder(level.filters, output, metered=metered)
        speed, rate = _speed(self.options), level.timing.rate
        chain = self._decoder(filters.oversampled(rate, speed) if rate and speed != 1 else ())
        chain.then(effects.command(_wanted(self.options, level.timing)), environment=effects.environment())
        if level.filters or output != STREAM:
            chain.then(reading(WAV, level.filters, output), needs_sound=True)
        return chain

    def opened(self, chain: Chain, *, metered: bool = False) -> Sound:
        """Wait for the beginning of the sound, and return it. Raises Failure as `start` does."""
        blocks = chain.blocks()
        try:
            form, head = wav.read(lambda: next(blocks, b""))
        except EOFError:
            raise self.nothing(chain) from None
        head = head or next(blocks, b"")
        if not head:
            raise self.nothing(chain)
        late = 0.0 if chain.changed else self._late(*chain.words())
        return Sound(chain, form, head, late, self.plan, metered=metered)

    def _late(self, words: str) -> float:
        """Return the seconds of silence before the sound, between start and end."""
        (track,) = self.selection.tracks
        return max(0.0, track.clock.late(words) - (self.options.start or 0.0))

    def nothing(self, chain: Chain) -> Failure:
        """Return, or raise, the reason why a chain made no sound."""
        chain.ended(sounded=False)
        if self.options.start is None and self.options.end is None:
            return Failure(errors.UNDECODABLE)
        self._with(start=None, end=None)._first()
        return Failure(errors.OUT_OF_RANGE)

    def _first(self) -> Part:
        """Return the form of the sound and the silence before it, from the first packet."""
        if self.parts:
            return replace(self.parts[0][1], late=0.0)  # the mix begins with the silence
        sound = self.opened(self._decoder((), ("-frames:a", "1", *STREAM)))
        sound.read_to_end()
        return Part(sound.rate, sound.channels, sound.late)

    def _decoder(self, changes: Sequence[str] = (), output: Sequence[str] = STREAM, *, metered: bool = False) -> Chain:
        """Start the decoder of the track, or those of all tracks and their mix."""
        packets = _LARGE_PACKETS if self.plan.large_packets else ()
        last = [*changes, *packets, *(filters.meter() if metered else ())]
        if not self.parts:
            return Chain(self.cage, self._command(last, output))
        chain = Chain(self.cage, *(one._command(packets, STREAM) for one, _ in self.parts))
        mix = mixing.graph([part for _, part in self.parts], last, sides=self._sides)
        chain.mix(lambda pipes: _mixer(pipes, mix, output))
        return chain

    @cached_property
    def parts(self) -> list[tuple[Decoding, Part]]:
        """The tracks of a mix that sound, and how; none if there is no mix. Raises Failure as `start` does.

        A track that has a side of its own must sound.
        """
        selection, found = self.selection, list[tuple[Decoding, Part]]()
        channels = self.options.channels or (1 if selection.sides or selection.mono else 2)
        for track in selection.tracks if len(selection.tracks) > 1 else ():
            one = replace(self._with(channels=channels), selection=alone(track))
            try:
                found.append((one, one._first()))
            except Failure as failure:
                last = track is selection.tracks[-1] and not found
                if selection.sides or last or failure.kind not in (errors.UNDECODABLE, errors.OUT_OF_RANGE):
                    raise
        return found

    @property
    def _sides(self) -> bool:
        return self.selection.sides and self.options.channels != 1

    def _command(self, changes: Sequence[str], output: Sequence[str]) -> list[str]:
        """Return the command that decodes the only track."""
        (track,) = self.selection.tracks
        form = filters.negotiated(self.options, track.clock, mono=track.mono)
        return ffmpeg.command(
            "-threads",
            "1",
            *ffmpeg.opening(self.source),
            "-map",
            f"0:{track.stream}",
            *_filtered([*form, *filters.cut(self.options), *changes]),
            "-map_metadata",
            "-1",
            "-map_chapters",
            "-1",
            *output,
        )

    def _with(self, **options: Any) -> Decoding:
        return replace(self, options=replace(self.options, **options))


def _filtered(changes: Sequence[str]) -> list[str]:
    return [*_ONE_THREAD, "-af", ",".join(changes)]


def _mixer(pipes: Sequence[int], graph: str, output: Sequence[str]) -> list[str]:
    inputs = [word for pipe in pipes for word in (*WAV, "-i", f"pipe:{pipe}")]
    return ffmpeg.command("-protocol_whitelist", "pipe", *inputs, *_ONE_THREAD, "-filter_complex", graph, *output)


def _wanted(options: Options, timing: Timing) -> effects.Wanted:
    speed = _speed(options)
    return effects.Wanted(
        rate=None if speed == 1 else timing.rate,
        seconds=timing.seconds,
        late=timing.late,
        speed=speed,
        volume=1.0 if options.volume is None else options.volume,
        fade_in=options.fade_in or 0.0,
        fade_out=options.fade_out or 0.0,
    )


def _speed(options: Options) -> float:
    return 1.0 if options.speed is None else options.speed
