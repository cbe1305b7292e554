"""The licences of packages: all are permissive, or known by name with what they ask for."""

from __future__ import annotations

import re

import pytest

from tests import licences
from tests.licences import OTHERS, Package

FOUND = licences.packages()


def test_every_licence_is_permissive_or_known() -> None:
    assert licences.wrong(FOUND) == []
    assert OTHERS.keys() <= {each.name for each in FOUND}, "one that is no longer installed"


def test_everything_is_listed() -> None:
    """With who installs it; so what a function has besides tests is seen."""
    by_name = {each.name: each for each in FOUND}
    assert by_name["mutagen"].users == "convert"
    assert by_name["pytest"].users == "tests"
    assert by_name["mediabunny"].users == "page"
    assert by_name["axe-core"].users == "the page's tests"
    assert (by_name["pyrate-limiter"].licence, by_name["graphql-core"].licence) == ("MIT", "MIT")
    assert all(re.fullmatch(r"[0-9][0-9a-z.]*", each.version) for each in FOUND)
    assert len(FOUND) > 150


@pytest.mark.parametrize(
    ("licence", "is_wrong"),
    [
        ("MIT", False),
        ("MIT AND BSD-3-Clause", False),
        ("Apache-2.0 OR GPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", True),
        ("AGPL-3.0-only", True),
        ("UNKNOWN", True),
        ("", True),
    ],
)
def test_what_is_wrong(licence: str, is_wrong: bool) -> None:
    package = Package("new", "1.0", licence, "convert")
    assert licences.wrong([package]) == [package] * is_wrong


def test_a_known_licence_that_changes_is_wrong() -> None:
    package = Package("mutagen", "2.0", "AGPL-3.0-only", "convert")
    assert licences.wrong([package]) == [package]
    assert licences.wrong([package._replace(licence=OTHERS["mutagen"])]) == []
