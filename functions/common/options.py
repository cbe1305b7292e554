"""Options of a conversion: their names and values, and how a job document stores them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from functions.common import errors, lines
from functions.common.errors import Failure

_WHOLE = re.compile(r"[0-9]{1,9}")
_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")
_TIME = re.compile(r"(?:(?:([0-9]{1,3}):)?([0-9]{1,4}):)?([0-9]{1,7}(?:\.[0-9]{1,6})?)")
_SIDES = re.compile(r"([0-9]{1,3})[+ ]([0-9]{1,3})")  # a plus sign in a query means a space
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:-[A-Za-z0-9]{2,8}){0,3}")  # BCP 47; only the language counts

_MOST_SECONDS = 3_600_000
_TIMES = "seconds or [h:]m:s below 1000 hours, such as 90, 1:30.5 or 1:02:03"
_MOST_TRACKS = 999
_NAME_SHOWN_CHARACTERS = 60

NO_PICTURE = "none"
WEBHOOK = "webhook"  # given like an option, but says nothing of the sound (functions.common.webhooks)
ONCE = "one value, given once"
ALL_TRACKS = "all"  # so the language with this code in ISO 639-3 cannot be asked for

_KEEP_THE_SOUND = {"track", "title", "artist", "album", "cover"}


class _Rule(NamedTuple):
    allowed: str
    read: Callable[[str], Any]  # raises ValueError


def _option(allowed: str, read: Callable[[str], Any]) -> Any:
    return dataclasses.field(default=None, metadata={"rule": _Rule(allowed, read)})


def _one_of(*numbers: int) -> Any:
    def read(value: str) -> int:
        number = _whole_number(value)
        if number not in numbers:
            raise ValueError
        return number

    return _option(f"{', '.join(map(str, numbers[:-1]))} or {numbers[-1]}", read)


def _whole(least: int, most: int) -> Any:
    def read(value: str) -> int:
        number = _whole_number(value)
        if not least <= number <= most:
            raise ValueError
        return number

    return _option(f"a whole number from {least} to {most}", read)


def _number(least: float, most: float, unit: str = "") -> Any:
    def read(value: str) -> float:
        if not _DECIMAL.fullmatch(value) or not least <= float(value) <= most:
            raise ValueError
        return float(value) or 0.0  # -0 is 0

    return _option(f"a number{unit} from {least:g} to {most:g}", read)


def _text() -> Any:
    return _option(f"1 to {lines.MOST_CHARACTERS} characters of text in UTF-8", _line)


def _whole_number(value: str) -> int:
    if not _WHOLE.fullmatch(value):
        raise ValueError
    return int(value)


def _time(value: str) -> float:
    found = _TIME.fullmatch(value)
    if not found:
        raise ValueError
    hours, minutes, seconds = found[1], found[2], float(found[3])
    if (minutes and seconds >= 60) or (hours and int(minutes) >= 60):
        raise ValueError
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + seconds
    if total >= _MOST_SECONDS:
        raise ValueError
    return total


def _track(value: str) -> int | str:
    if value == ALL_TRACKS:
        return value
    if language := _LANGUAGE.fullmatch(value):
        return language[1].lower()
    if sides := _SIDES.fullmatch(value):
        return "+".join(str(_track_number(number)) for number in sides.groups())
    return _track_number(value)


def _track_number(value: str) -> int:
    number = _whole_number(value)
    if not 1 <= number <= _MOST_TRACKS:
        raise ValueError
    return number


def _cover(value: str) -> float | str:
    return value if value == NO_PICTURE else _time(value)


def _line(value: str) -> str:
    if len(value) > lines.MOST_CHARACTERS:
        raise ValueError
    value.encode()  # raises ValueError for surrogates, which replace bytes that are not UTF-8
    line = lines.line(value)
    if not line:
        raise ValueError
    return line


@dataclasses.dataclass(frozen=True)
class Options:
    """The options of a conversion; None if one was not given."""

    bitrate: int | None = _one_of(32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s
    quality: int | None = _whole(0, 9)
    effort: int | None = _whole(0, 9)
    start: float | None = _option(_TIMES, _time)  # s
    end: float | None = _option(_TIMES, _time)  # s
    track: int | str | None = _option(
        f"a track's number from 1 to {_MOST_TRACKS}, a language of 2 or 3 letters such as en or eng, "
        "all to mix all tracks, or two numbers such as 1+2 for left and right",
        _track,
    )
    channels: Literal[1, 2] | None = _one_of(1, 2)
    samplerate: int | None = _one_of(8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)  # Hz
    normalize: float | None = _number(-70, -5)  # LUFS
    fade_in: float | None = _number(0, 3600, " of seconds")
    fade_out: float | None = _number(0, 3600, " of seconds")
    volume: float | None = _number(0, 10)
    speed: float | None = _number(0.25, 4)
    title: str | None = _text()
    artist: str | None = _text()
    album: str | None = _text()
    cover: float | Literal["none"] | None = _option(f"none, or a frame's time: {_TIMES}", _cover)

    @property
    def needs_effects(self) -> bool:
        """Whether fades, volume or speed change the sound."""
        return bool(self.fade_in or self.fade_out) or any(each not in (None, 1.0) for each in (self.volume, self.speed))

    @property
    def changes_sound(self) -> bool:
        """Whether an option needs the sound to be encoded again, even if the source is an MP3."""
        return not self.to_document().keys() <= _KEEP_THE_SOUND

    def to_document(self) -> dict[str, Any]:
        """Return the options that were given, as a job document stores them."""
        return {name: value for name, value in vars(self).items() if value is not None}

    @classmethod
    def from_document(cls, document: Mapping[str, Any] | None) -> Options:
        """Return the options in a job document; old documents have none.

        Raises TypeError for an option of a newer version.
        """
        return cls(**document or {})


ALLOWED: Mapping[str, str] = {field.name: field.metadata["rule"].allowed for field in dataclasses.fields(Options)}


def parse(given: Iterable[tuple[str, str]], beside: Sequence[str] = ()) -> Options:
    """Return the options in the fields of a form or query; empty values are ignored.

    Raises Failure(INVALID_OPTION) with the option as `field` and its valid values as `allowed`; for one that is unknown
    the names of all, and of what else the caller takes `beside` them.
    """
    values: dict[str, Any] = {}
    for name, value in given:
        if name not in ALLOWED:
            raise refusal(name, f"one of {', '.join([*ALLOWED, *beside])}")
        if not value:
            continue
        if name in values:
            raise refusal(name, ONCE)
        values[name] = _read(name, value)
    options = Options(**values)
    _check_combinations(options)
    return options


def refusal(name: str, allowed: str = "") -> Failure:
    """Return the Failure for an invalid option: its valid values, or all options if it is unknown."""
    allowed = allowed or ALLOWED.get(name) or f"one of {', '.join(ALLOWED)}"
    shown = name[:_NAME_SHOWN_CHARACTERS].encode(errors="replace").decode()
    return Failure(errors.INVALID_OPTION, field=shown, allowed=allowed)


def _read(name: str, value: str) -> Any:
    rule: _Rule = Options.__dataclass_fields__[name].metadata["rule"]
    try:
        return rule.read(value)
    except ValueError:
        raise refusal(name) from None


def _check_combinations(options: Options) -> None:
    """Raise Failure(INVALID_OPTION) for options that are valid alone, but not together."""
    if options.bitrate is not None and options.quality is not None:
        raise refusal("quality", "either bitrate or quality, not both")
    if options.end is not None and options.end <= (options.start or 0.0):
        raise refusal("end", "a time after the start")
    most = most_bitrate(options.samplerate)
    if options.bitrate is not None and options.bitrate > most:
        raise refusal("bitrate", f"at most {most} with this samplerate")


def most_bitrate(samplerate: int | None) -> int:
    """Return the highest bitrate of LAME in kbit/s at a sample rate in Hz; None is a rate not known yet."""
    # MPEG-2 allows 160 kbit/s (ISO/IEC 13818-3 section 2.4.2.3), LAME's MPEG-2.5 64; LAME silently lowers higher ones.
    if samplerate is None or samplerate > 24_000:
        return 320
    return 160 if samplerate > 12_000 else 64
