"""How the page stands in windows and with text of other sizes: nothing is cut off, overlaps, or scrolls sideways."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

DESK = {"width": 1000, "height": 800}
PHONE = {"width": 390, "height": 844}
# Windows and what happens to the text in them: 640 x 512 is a desk at 200 % zoom, 320 x 640 one at 400 % (WCAG 1.4.4
# and 1.4.10); `spaced` is text as WCAG 1.4.12 has it, `large` twice as large in the same window, `rtl` a language that
# runs from right to left.
WINDOWS: dict[tuple[int, int], list[str]] = {
    (320, 640): ["", "rtl"],
    (640, 512): ["", "spaced"],
    (1280, 1024): ["large rtl"],
}
MISFITS = Path(__file__).with_name("misfits.js").read_text()


def misfits(page: Page) -> list[str]:
    """Return what does not fit in any of the windows, with any of the texts."""
    found: list[str] = []
    for (width, height), ways in WINDOWS.items():
        page.set_viewport_size({"width": width, "height": height})
        found += page.evaluate(MISFITS, ways)
    page.set_viewport_size({"width": DESK["width"], "height": DESK["height"]})
    return found
