"""Options: their allowed values, forbidden combinations, and how a job stores them."""

from __future__ import annotations

import dataclasses
import re
import time
from pathlib import Path
from typing import Any

import pytest

from functions.common import errors
from functions.common.errors import Failure
from functions.common.options import ALLOWED, Options, parse

ROOT = Path(__file__).resolve().parents[3]
README_ROW = re.compile(r"^\| `([a-z_]+)` \| (.+?) \| (.+?) \| (.+?) \| `([a-z_]+)=(.+?)` \|$", re.M)

WHOLE = [("0", 0), ("9", 9), ("5", 5), ("05", 5)]
FADES = [("0", 0.0), ("3600", 3600.0), ("2.5", 2.5), ("-0", 0.0), ("0.000000001", 1e-9)]
TIMES = [
    ("0", 0.0),
    ("90", 90.0),
    ("90.25", 90.25),
    ("1:30", 90.0),
    ("1:5", 65.0),
    ("01:05", 65.0),
    ("2:30.5", 150.5),
    ("1:02:03", 3723.0),
    ("01:02:03.004", 3723.004),
    ("0:00:00.5", 0.5),
    ("100:00", 6000.0),
    ("1:00:00", 3600.0),
    ("3599999.999999", 3599999.999999),
    ("999:59:59.999999", 3599999.999999),
    ("0.000001", 1e-6),
]
TEXTS = [
    ("My talk", "My talk"),
    ("x" * 300, "x" * 300),
    ("😀" * 300, "😀" * 300),
    ("Grüße, 你好", "Grüße, 你好"),
    ("a\nb\t\x00c", "a b c"),
    ("  a   b  ", "a b"),
    ("a\u2028b", "a b"),
    ("\u202eevil", "evil"),
    ("\ufeffa", "a"),
    ("👩\u200d👧", "👩\u200d👧"),
    ("\u06cc\u200c\u062e", "\u06cc\u200c\u062e"),
    ("$owner", "$owner"),
    ("'; rm -rf /", "'; rm -rf /"),
    ("none", "none"),
    ("0", "0"),
    ("-i", "-i"),
    ("a;b=c\\", "a;b=c\\"),
]

TAKEN: dict[str, list[tuple[str, Any]]] = {
    "bitrate": [(str(n), n) for n in (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)],
    "quality": WHOLE,
    "effort": WHOLE,
    "start": TIMES,
    "end": TIMES[1:],
    "track": [
        ("1", 1),
        ("999", 999),
        ("01", 1),
        ("en", "en"),
        ("eng", "eng"),
        ("DEU", "deu"),
        ("und", "und"),
        ("pt-BR", "pt"),
        ("zh-Hant-TW", "zh"),
        ("all", "all"),
        ("All", "all"),
        ("1+2", "1+2"),
        ("1 2", "1+2"),
        ("02+1", "2+1"),
        ("999+999", "999+999"),
    ],
    "channels": [("1", 1), ("2", 2)],
    "samplerate": [(str(n), n) for n in (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)],
    "normalize": [("-70", -70.0), ("-5", -5.0), ("-16", -16.0), ("-23.5", -23.5)],
    "fade_in": FADES,
    "fade_out": FADES,
    "volume": [("0", 0.0), ("10", 10.0), ("0.5", 0.5), ("-0", 0.0), ("-0.0", 0.0), ("1", 1.0)],
    "speed": [("0.25", 0.25), ("4", 4.0), ("1.5", 1.5), ("1", 1.0)],
    "title": TEXTS,
    "artist": TEXTS,
    "album": TEXTS,
    "cover": [("none", "none"), *TIMES],
}

# Invalid for every number and time.
ODD = [
    "NaN",
    "nan",
    "inf",
    "-inf",
    "Infinity",
    "1e400",
    "1e3",
    "1e-3",
    "١٢",
    "\uff15",
    "²",
    " 5 ",
    "5 ",
    " 5",
    "\n5",
    "5\n",
    "5\x00",
    "\x005",
    "+5",
    "0x10",
    "0b1",
    "1_000",
    "1,5",
    "1.",
    ".5",
    "--5",
    "- 5",
    "-",
    ".",
    ":",
    "five",
    "on",
    "true",
    "None",
    "null",
    "[]",
    "{}",
    "5;6",
    "5 6",
    "$5",
    "%35",
    "\ud800",
    "5\u200b",
    "5" * 10**6,
    "0" * 10**6 + "5",
    "0." + "0" * 10**6 + "5",
]
ODD_WHOLE = [*ODD, "-1", "-0", "5.0", "5.5", "0000000005", "1:05"]
ODD_TIMES = [
    *ODD,
    "-1",
    "-0",
    "-1:05",
    "1:60",
    "1:60:00",
    "1:00:60",
    "1:-5",
    "1::5",
    ":5",
    "5:",
    "1:2:3:4",
    "1:5.",
    "1.5:00",
    "3600000",
    "1000:00:00",
    "60000:00",
    "0.0000001",
    "1h",
    "90s",
    "00:00:00:00",
    "1:300",
]
ODD_FADES = [*ODD, "-1", "-0.1", "3600.001", "3601", "1:05", "0.0000000001"]
ODD_TEXTS = [" ", "\n", "\x00", "\u202e", "x" * 301, "x" * 10**6, "a\udcff", "\ud800"]

REFUSED: dict[str, list[str]] = {
    "bitrate": [*ODD_WHOLE, "0", "31", "33", "127", "129", "144", "319", "321", "128k", "128000"],
    "quality": [*ODD_WHOLE, "10", "99"],
    "effort": [*ODD_WHOLE, "10", "99"],
    "start": ODD_TIMES,
    "end": [*ODD_TIMES, "0", "0.0", "0:00"],
    "track": [
        *(each for each in ODD_WHOLE if each not in ("nan", "NaN", "inf", "on", "5 6")),
        "0",
        "1000",
        "0+1",
        "1+0",
        "1+1000",
        "1+",
        "+1",
        "1+2+3",
        "1  2",
        "1-2",
        "1+en",
        "e",
        "engl",
        "e1",
        "en-",
        "en-U",
        "en_US",
        "éng",
        "en ",
        "\u0130n",
        "eng\n",
    ],
    "channels": [*ODD_WHOLE, "0", "3", "mono", "stereo", "6"],
    "samplerate": [*ODD_WHOLE, "0", "7999", "44.1", "44100.0", "44100Hz", "96000"],
    "normalize": [*ODD, "-70.001", "-71", "-4.999", "-4", "0", "16", "-16LUFS"],
    "fade_in": ODD_FADES,
    "fade_out": ODD_FADES,
    "volume": [*ODD, "-1", "-0.5", "10.001", "11", "50%"],
    "speed": [*ODD, "0", "0.249", "4.001", "-1", "2x"],
    "title": ODD_TEXTS,
    "artist": ODD_TEXTS,
    "album": ODD_TEXTS,
    "cover": [*ODD_TIMES, "None", "NONE", "no", "cover.jpg", "../../etc/passwd"],
}

EVERYTHING = Options(
    quality=0,
    effort=0,
    start=0.0,
    end=150.5,
    track="eng",
    channels=1,
    samplerate=8000,
    normalize=-16.0,
    fade_in=0.0,
    fade_out=1.5,
    volume=0.0,
    speed=0.25,
    title="$t",
    artist="ü",
    album="😀",
    cover=0.0,
)


EVERY = f"one of {', '.join(ALLOWED)}"


def refusal(*given: tuple[str, str]) -> tuple[str, str]:
    """Return the field and the allowed values in an error."""
    with pytest.raises(Failure) as failure:
        parse(given)
    assert failure.value.kind is errors.INVALID_OPTION
    return failure.value.more["field"], failure.value.more["allowed"]


def test_every_option_is_tested() -> None:
    """Every option is in the tables above."""
    assert list(TAKEN) == list(REFUSED) == list(ALLOWED) == [field.name for field in dataclasses.fields(Options)]


@pytest.mark.parametrize("name", ALLOWED)
def test_valid_values(name: str) -> None:
    """Every value up to the limits is parsed, with the right type."""
    for text, value in TAKEN[name]:
        found = getattr(parse([(name, text)]), name)
        assert (found, str(found), type(found)) == (value, str(value), type(value)), text


@pytest.mark.parametrize("name", ALLOWED)
def test_invalid_values(name: str) -> None:
    """Every other value is refused, with the option's name and the allowed values."""
    for text in REFUSED[name]:
        field, allowed = refusal((name, text))
        assert field == name, text[:50]
        assert allowed == ALLOWED[name] or (name == "end" and allowed == "a time after the start"), text[:50]


def test_phrases() -> None:
    """The allowed values are described in plain words."""
    assert ALLOWED["quality"] == "a whole number from 0 to 9"
    assert ALLOWED["channels"] == "1 or 2"
    assert ALLOWED["normalize"] == "a number from -70 to -5"
    assert ALLOWED["speed"] == "a number from 0.25 to 4"
    assert ALLOWED["fade_in"] == "a number of seconds from 0 to 3600"
    assert ALLOWED["bitrate"].endswith("224, 256 or 320")
    assert all(allowed and allowed[-1] != "." for allowed in ALLOWED.values())


def test_a_million_digits_are_refused_quickly() -> None:
    """A huge number cannot keep the service busy."""
    begun = time.process_time()
    for name in ALLOWED:
        for text in ("9" * 10**6, "0" * 10**6, "1:" * 10**6, "x" * 10**6, "\u202e" * 10**6):
            assert refusal((name, text))[0] == name
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("given", "field", "allowed"),
    [
        ("start=5 end=5", "end", "a time after the start"),
        ("end=4.999 start=5", "end", "a time after the start"),
        ("start=1:00:00 end=59:59", "end", "a time after the start"),
        ("end=0", "end", "a time after the start"),
        ("bitrate=128 quality=2", "quality", "either bitrate or quality, not both"),
        ("quality=0 bitrate=320", "quality", "either bitrate or quality, not both"),
        ("samplerate=24000 bitrate=192", "bitrate", "at most 160 with this samplerate"),
        ("bitrate=320 samplerate=16000", "bitrate", "at most 160 with this samplerate"),
        ("samplerate=12000 bitrate=80", "bitrate", "at most 64 with this samplerate"),
        ("samplerate=8000 bitrate=320", "bitrate", "at most 64 with this samplerate"),
        ("quality=2 quality=2", "quality", "one value, given once"),
        ("quality=2 quality=3", "quality", "one value, given once"),
        ("qualiti=2", "qualiti", EVERY),
        ("Quality=2", "Quality", EVERY),
        ("nothing=", "nothing", EVERY),
        ("__class__=2", "__class__", EVERY),
        ("changes_sound=1", "changes_sound", EVERY),
    ],
)
def test_forbidden_combinations(given: str, field: str, allowed: str) -> None:
    """Options that are valid on their own, but not together."""
    assert refusal(*_pairs(given)) == (field, allowed)


@pytest.mark.parametrize(
    "given",
    [
        "start=5 end=5.000001",
        "end=0.000001",
        "start=0 end=1",
        "samplerate=24000 bitrate=160",
        "samplerate=12000 bitrate=64",
        "samplerate=32000 bitrate=320",
        "bitrate=320 quality=",
        "quality= quality=2 quality=",
    ],
)
def test_allowed_combinations(given: str) -> None:
    """The valid side of each limit; an empty value counts as not given."""
    said = {name: value for name, value in _pairs(given) if value}
    assert parse(_pairs(given)).to_document().keys() == said.keys()


def test_a_document_has_the_given_options() -> None:
    """The smallest values are stored, and options that were not given are not."""
    kept = EVERYTHING.to_document()
    assert len(kept) == len(ALLOWED) - 1
    assert Options.from_document(kept) == EVERYTHING
    assert parse([("volume", "0"), ("title", "a")]).to_document() == {"volume": 0.0, "title": "a"}


@pytest.mark.parametrize("name", ALLOWED)
def test_every_option_is_restored_from_its_document(name: str) -> None:
    """Every value accepted at upload reaches convert unchanged."""
    for text, _ in TAKEN[name]:
        options = parse([(name, text)])
        assert options.to_document().keys() == {name}
        assert Options.from_document(options.to_document()) == options


def test_older_and_newer_documents() -> None:
    """A job from before there were options has none; one with unknown options is not converted wrongly."""
    assert Options.from_document(None) == Options.from_document({}) == Options() == parse([])
    with pytest.raises(TypeError):
        Options.from_document({"reverse": True})


@pytest.mark.parametrize(
    ("given", "changes", "effects"),
    [
        ("", False, False),
        ("title=a artist=b album=c cover=none track=2", False, False),
        ("cover=0", False, False),
        *((f"{name}={TAKEN[name][0][0]}", True, False) for name in ("bitrate", "quality", "effort", "channels")),
        *((f"{name}={TAKEN[name][0][0]}", True, False) for name in ("start", "end", "samplerate", "normalize")),
        ("volume=1", True, False),
        ("speed=1 fade_in=0 fade_out=0", True, False),
        ("volume=0", True, True),
        ("volume=0.999", True, True),
        ("speed=1.001", True, True),
        ("fade_in=0.1", True, True),
        ("fade_out=0.1", True, True),
        ("title=a bitrate=128", True, False),
    ],
)
def test_options_that_change_the_sound(given: str, changes: bool, effects: bool) -> None:
    """Frames are only copied if no option but tags, cover and track is given."""
    options = parse(_pairs(given))
    assert (options.changes_sound, options.needs_effects) == (changes, effects)


def test_the_readme_shows_every_option() -> None:
    """The README's table has all options, the same descriptions of allowed values, and valid examples."""
    rows = README_ROW.findall((ROOT / "README.md").read_text())
    assert [row[0] for row in rows] == list(ALLOWED)
    for name, _meaning, allowed, _default, example_name, example in rows:
        assert (allowed, example_name) == (ALLOWED[name], name)
        assert parse([(name, example)]).to_document().keys() == {name}


def _pairs(given: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (each.partition("=") for each in given.split())]
