"""API keys: their form, which says whether a text can be one."""

from __future__ import annotations

import re
import zlib

import pytest

from functions.common import keys


def test_a_key_has_160_random_bits_and_a_checksum() -> None:
    made = {keys.new() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"mp3_[0-9A-Za-z]{33}", key) and keys.is_one(key) for key in made)
    assert {len(set(column)) for column in zip(*(key[5:31] for key in made), strict=True)} == {62}


def test_the_checksum_is_that_of_the_documentation() -> None:
    """So that others can write a scanner for leaked keys."""
    key = keys.new()
    number = 0
    for digit in key[-6:]:
        number = number * 62 + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".index(digit)
    assert number == zlib.crc32(key[4:31].encode())


@pytest.mark.parametrize("change", ["", "mp3_", "MP3_{0}", "{0}x", " {0}", "{0}\n", "{1}", "é{0}"])
def test_other_texts_are_none(change: str) -> None:
    key = keys.new()
    swapped = key[:10] + ("a" if key[10] != "a" else "b") + key[11:]
    assert not keys.is_one(change.format(key[4:], swapped) if "MP3" in change else change.format(key, swapped))
