"""Which tracks of a file are converted, and in which order they are tried."""

from __future__ import annotations

import pytest

from functions.common import errors
from functions.common.errors import Failure
from functions.convert import selection
from functions.convert.probe import Media, Track


def media(*tracks: Track) -> Media:
    return Media("mov,mp4", 1.0, 0.0, tracks, None, None, {}, ())


THREE = media(Track(1, 1, language="eng"), Track(2, 2, language="ger", default=True), Track(3, 3, language="eng"))
LOCKED = media(Track(1, 1, encrypted=True), Track(2, 2), Track(3, 3))
ASIDE = media(Track(1, 1, aside=True, default=True), Track(2, 2, aside=True), Track(3, 3), Track(4, 4))


def numbers(media: Media, wanted: int | str | None) -> list[tuple[int, ...]]:
    return [tuple(track.number for track in each.tracks) for each in selection.candidates(media, wanted)]


@pytest.mark.parametrize(
    ("media", "wanted", "expected"),
    [
        (THREE, None, [(2,), (1,), (3,)]),
        (THREE, 3, [(3,)]),
        (THREE, "en", [(1,), (3,)]),
        (THREE, "deu", [(2,)]),
        (THREE, "all", [(1, 2, 3)]),
        (THREE, "1+3", [(1, 3)]),
        (THREE, "3+1", [(3, 1)]),
        (THREE, "2+2", [(2, 2)]),
        (LOCKED, "all", [(2, 3)]),
        (ASIDE, None, [(3,), (4,), (1,), (2,)]),
    ],
)
def test_candidates(media: Media, wanted: int | str | None, expected: list[tuple[int, ...]]) -> None:
    assert numbers(media, wanted) == expected


def test_a_mix_has_a_limit() -> None:
    """Each of its tracks has a decoder of its own."""
    many = media(*(Track(number, number) for number in range(1, 1000)))
    assert numbers(many, "all") == [tuple(range(1, 9))]


@pytest.mark.parametrize(
    ("media", "wanted", "kind"),
    [
        (media(), None, errors.NO_AUDIO),
        (media(), "all", errors.NO_AUDIO),
        (THREE, 4, errors.NO_SUCH_TRACK),
        (THREE, "fr", errors.NO_SUCH_TRACK),
        (THREE, "1+4", errors.NO_SUCH_TRACK),
        (LOCKED, None, errors.ENCRYPTED),
        (LOCKED, "2+1", errors.ENCRYPTED),
        (media(Track(1, 1, encrypted=True)), "all", errors.ENCRYPTED),
    ],
)
def test_refusals(media: Media, wanted: int | str | None, kind: errors.Kind) -> None:
    with pytest.raises(Failure) as failure:
        selection.candidates(media, wanted)
    assert failure.value.kind is kind


@pytest.mark.parametrize(("wanted", "mono"), [("all", True), ("1+2", False), (1, True)])
def test_one_channel_is_enough_for_mono_tracks(wanted: int | str, mono: bool) -> None:
    one, *_ = selection.candidates(media(Track(1, 1, mono=True), Track(2, 2, mono=True)), wanted)
    assert one.mono is mono


def test_one_channel_is_not_enough_if_one_track_has_more() -> None:
    one, *_ = selection.candidates(media(Track(1, 1, mono=True), Track(2, 2)), "all")
    assert not one.mono
