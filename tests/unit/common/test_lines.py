"""Lines: whatever a text holds, it becomes one line that shows what it is."""

from __future__ import annotations

import unicodedata

import pytest

from functions.common.lines import line

# All that is neither letter nor ideograph lies below U+3000, and the formatting characters above it are few.
CHARACTERS = [chr(number) for number in (*range(0x3000), *range(0xFE00, 0x10000), *range(0xE0000, 0xE0100))]
ZERO_WIDTH_NON_JOINER, ZERO_WIDTH_JOINER = "\u200c", "\u200d"


def of_category(category: str) -> list[str]:
    """Return the characters of a category of Unicode."""
    return [char for char in CHARACTERS if unicodedata.category(char) == category]


def test_control_characters_part_words() -> None:
    found = of_category("Cc")
    assert {"\0", "\t", "\n", "\r", "\x1b", "\x7f", "\x85"} <= set(found)
    assert {line(f"a{char}b") for char in found} == {"a b"}


def test_formatting_characters_go_without_a_trace() -> None:
    """They turn the direction of text, or hide in it."""
    found = set(of_category("Cf")) - {ZERO_WIDTH_NON_JOINER, ZERO_WIDTH_JOINER}
    assert {"\u202e", "\u2066", "\ufeff", "\u00ad", "\u200b", "\U000e0041"} <= found
    assert {line(f"a{char}b") for char in found} == {"ab"}


@pytest.mark.parametrize("joiner", [ZERO_WIDTH_NON_JOINER, ZERO_WIDTH_JOINER], ids=ascii)
def test_joiners_stay(joiner: str) -> None:
    """Persian words and many emoji are not the same without them."""
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
def test_spaces_are_single_and_inside(text: str, expected: str) -> None:
    assert line(text) == expected


def test_a_line_stays_as_it_is() -> None:
    for char in CHARACTERS:
        once = line(f"a {char} b")
        assert line(once) == once
        assert len(once.splitlines()) == 1
