"""The page's styles: they say where text begins and ends, never left and right, so that they fit both directions."""

from __future__ import annotations

import re

import pytest

from local.home import ROOT

STYLES = ("style.css", "panels.css", "reference/reference.css")
# Properties and values that CSS has in logical form too (CSS Logical Properties and Values).
PHYSICAL = re.compile(
    r"^\s*(?:"
    r"(?:(?:margin|padding|border|scroll-margin|scroll-padding)-)?(?:left|right|top|bottom)(?:-[a-z-]+)?\s*:"
    r"|(?:min-|max-)?(?:width|height)\s*:"
    r"|(?:text-align|float|clear)\s*:\s*(?:left|right)\b"
    r"|overflow-[xy]\s*:)",
    re.MULTILINE,
)


@pytest.mark.parametrize("name", STYLES)
def test_nothing_stands_left_or_right(name: str) -> None:
    style = (ROOT / "functions" / "page" / "app" / name).read_text()
    assert [found.strip() for found in PHYSICAL.findall(style)] == []


@pytest.mark.parametrize(
    "line", ["margin-left: 1rem;", "  right: 0;", "border-top-left-radius: 1px;", "width: 1px;", "text-align: right;"]
)
def test_what_stands_left_or_right_is_found(line: str) -> None:
    assert PHYSICAL.search(f"a {{\n{line}\n}}")
