"""Languages: which codes are equivalent, and which language a tag names."""

from __future__ import annotations

import pytest

from functions.convert import languages


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("eng", "eng"),
        ("EN", "en"),
        ("pt-BR", "pt"),
        ("pt_BR", "pt"),
        ("deu,eng", "deu"),
        ("zh-Hant\nStream #0:9", "zh"),
        ("und", ""),
        ("UND", ""),
        ("", ""),
        ("e", ""),
        ("english", ""),
        ("e1", ""),
        ("en eng", ""),
        ("ñan", ""),
    ],
)
def test_the_language_of_a_tag(tag: str, code: str) -> None:
    assert languages.primary(tag) == code


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("en", "eng", True),
        ("ger", "deu", True),  # bibliographic and terminology code
        ("cze", "cs", True),
        ("eng", "eng", True),
        ("en", "de", False),
        ("nor", "nno", False),
        ("mul", "mul", True),  # a code without an equivalent
        ("mul", "eng", False),
        ("", "eng", False),
    ],
)
def test_codes_of_the_same_language(one: str, other: str, same: bool) -> None:
    assert languages.same(one, other) is same
    assert languages.same(other, one) is same


def test_no_code_means_two_languages() -> None:
    codes = [code for codes in languages._SAME.split() for code in codes.split("/")]
    assert len(codes) == len(set(codes)) > 2 * 180
    assert all(len(codes.partition("/")[0]) == 2 for codes in languages._SAME.split())
