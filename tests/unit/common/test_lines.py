"""Lines: any text becomes one harmless line."""

from __future__ import annotations

import unicodedata

import pytest

from functions.common.lines import line

# Almost all characters other than letters and ideographs are below U+3000; a few formatting characters are above.
CHARACTERS = [chr(number) for number in (*range(0x3000), *range(0xFE00, 0x10000), *range(0xE0000, 0xE0100))]
ZERO_WIDTH_NON_JOINER, ZERO_WIDTH_JOINER = "\u200c", "\u200d"


def of_category(category: str) -> list[str]:
    """Return the characters of a Unicode category."""
    return [char for char in CHARACTERS if unicodedata.category(char) == category]


def test_control_characters_separate_words() -> None:
    found = of_category("Cc")
    assert {"\0", "\t", "\n", "\r", "\x1b", "\x7f", "\x85"} <= set(found)
    assert {line(f"a{char}b") for char in found} == {"a b"}


def test_formatting_characters_are_removed() -> None:
    """They change the direction of text, or are invisible."""
    found = set(of_category("Cf")) - {ZERO_WIDTH_NON_JOINER, ZERO_WIDTH_JOINER}
    assert {"\u202e", "\u2066", "\ufeff", "\u00ad", "\u200b", "\U000e0041"} <= found
    assert {line(f"a{char}b") for char in found} == {"ab"}


@pytest.mark.parametrize("joiner", [ZERO_WIDTH_NON_JOINER, ZERO_WIDTH_JOINER], ids=ascii)
def test_joiners_are_kept(joiner: str) -> None:
    """Persian words and many emoji need them."""
    assert line(f"a{joiner}b") == f"a{joiner}b"


def test_separators_of_lines_and_paragraphs_are_spaces() -> None:
    assert line("a\u2028b\u2029c\u00a0d\u3000e") == "a b c d e"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \n\t\u202e ", ""),
        ("  a   b  ", "a b"),
        ("a \u202e b", "a b"),
        ("a\u202e\r\n\u202eb", "a b"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("Grüße, 你好 😀", "Grüße, 你好 😀"),
    ],
    ids=ascii,
)
def test_spaces_are_single_and_stripped(text: str, expected: str) -> None:
    assert line(text) == expected


def test_a_clean_line_is_unchanged() -> None:
    for char in CHARACTERS:
        once = line(f"a {char} b")
        assert line(once) == once
        assert len(once.splitlines()) == 1
