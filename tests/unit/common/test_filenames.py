"""File names: safe to show and to store, with their ending, and those of MP3s no longer than file systems allow."""

from __future__ import annotations

import pytest

from functions.common import filenames
from tests.vectors import public
from tests.vectors.names import NAMES


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("a.mp4", "a.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\y.mp4", "y.mp4"),
        ("", "video"),
        ("..", "video"),
        ("a\r\nSet-Cookie: x.mp4", "aSet-Cookie: x.mp4"),
        ("\u202e4pm.exe", "4pm.exe"),
        ("a.", "a"),
        ("-i", "-i"),
        (" a .mp4 ", "a.mp4"),
        ("😀.mp4", "😀.mp4"),
        ("\ud800.mp4", "video.mp4"),
        (".mp4", "video.mp4"),
        ("....mp4", "video.mp4"),
        ("x" * 300 + ".webm", "x" * 250 + ".webm"),
        ("x" * 300 + ".x", "x" * 251 + ".x"),
        ("ü" * 300, "ü" * 125),
        ("日" * 90 + ".mp4", "日" * 83 + ".mp4"),
        ("Dr. " + "x" * 300, "Dr. " + "x" * 247),
    ],
)
def test_names(name: str, clean: str) -> None:
    """A name is readable, and never a path."""
    assert filenames.clean(name) == clean


def assert_clean(name: str) -> None:
    """Check that a cleaned name fits in a line and is never a path."""
    clean = filenames.clean(name)
    assert all(char.isprintable() or char.isspace() for char in clean)
    assert not set("/\\\r\n\0\u2028\u2029") & set(clean)
    assert clean.strip(". ")
    assert 0 < len(clean.encode()) <= 255
    assert filenames.clean(clean) == clean
    assert len(filenames.of_mp3(clean).encode()) <= 255
    assert filenames.plain(filenames.of_mp3(clean)).removesuffix(".mp3")
    assert filenames.plain(clean).isprintable()


@pytest.mark.attack("B1", "B2", "B3", "B4")
@pytest.mark.parametrize("kind", NAMES)
def test_hostile_names(kind: str) -> None:
    for name in NAMES[kind]:
        assert_clean(name)


@pytest.mark.attack("B1", "B3")
@public.needs("traversal.txt", "blns.json")
def test_hostile_names_from_public_lists() -> None:
    for name in [*public.strings("traversal.txt"), *public.strings("blns.json")]:
        assert_clean(name)


@pytest.mark.parametrize(
    ("video", "mp3"),
    [
        ("a.mp4", "a.mp3"),
        ("a.tar.gz", "a.tar.mp3"),
        ("a.mp3", "a.mp3"),
        ("video", "video.mp3"),
        (".mp4", "video.mp3"),
        ("a.", "a.mp3"),
        ("1. Grüße.mov", "1. Grüße.mp3"),
        ("Dr. Who and others", "Dr. Who and others.mp3"),
        ("a\r\nSet-Cookie: b=c.mp4", "aSet-Cookie: b=c.mp3"),
        ("\ud800\x00.mp4", "video.mp3"),
    ],
)
def test_the_mp3_has_the_name_of_its_video(video: str, mp3: str) -> None:
    """Also where something else stored the video's name."""
    assert filenames.of_mp3(video) == mp3


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("a.mp3", "a.mp3"),
        ("Café.mp3", "Cafe.mp3"),
        ("日本.mp3", "sound.mp3"),
        ("日 (1).mp3", "(1).mp3"),
        ("日 - 本.mp3", "sound.mp3"),
        ('a"; x="b.mp3', "a; x=b.mp3"),
        ('"%".mp3', "sound.mp3"),
        ("-.mp3", "-.mp3"),
    ],
)
def test_a_name_in_ascii(name: str, plain: str) -> None:
    """What is left of it can be read, or another name takes its place."""
    assert filenames.plain(name) == plain


def test_unique_names_stay_apart_on_every_file_system() -> None:
    composed, decomposed = "\u00fc.mp3", "u\u0308.mp3"
    names = ["a.mp3", "a.mp3", "A.MP3", "a (2).mp3", "a", "stra\u00dfe.mp3", "STRASSE.mp3", composed, decomposed]
    assert filenames.unique(names) == [
        "a.mp3",
        "a (2).mp3",
        "A (3).MP3",
        "a (2) (2).mp3",
        "a",
        "stra\u00dfe.mp3",
        "STRASSE (2).mp3",
        composed,
        "u\u0308 (2).mp3",
    ]
    long = "\u00fc" * 125 + ".mp3"
    second = filenames.unique([long] * 12)[-1]
    assert second == "\u00fc" * 123 + " (12).mp3"
    assert len(second.encode()) <= 255
