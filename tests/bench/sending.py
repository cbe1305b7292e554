"""What the page saves by sending only the sound: bytes, and seconds from choosing a file until its MP3 plays.

The page itself sends, waits and plays in a browser, while Chromium holds its connections down to a rate; to send all of
a file, it is kept from loading its worker. Of a film of an hour, only the sound is sent; all of it would take at least
the time that is printed beside it. More than 6 % of its bytes are too many.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.bench.comparison import print_table
from tests.bench.system import System, started
from tests.bench.targets import Target, print_targets
from tests.media.movies import movie
from tests.page.browser import chromium, session
from tests.page.desk import choose

LONG_SECONDS = 3600
SHORT_SECONDS = 60
MEGABITS = (5, 20, 100)
ROUND_TRIP_MILLISECONDS = 20
MOST_SHARE = 6.0  # %
LIMIT_MILLISECONDS = 1_800_000
MEGABYTE = 1_000_000

# When each step ends, noted in the page itself, which is pressed to play as soon as it can be.
NOTES = """
window.ended = {};
const end = (step) => (window.ended[step] ??= performance.now() / 1000);
addEventListener("change", ({target}) => target.type === "file" && end("chosen"), true);
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (body) {
    end("read");
    this.addEventListener("load", () => end("sent"));
    send.call(this, body);
};
const made = document.createElement.bind(document);
document.createElement = (tag, ...more) => {
    const element = made(tag, ...more);
    if (tag === "audio") element.addEventListener("timeupdate", () => element.currentTime > 0 && end("playing"));
    return element;
};
new MutationObserver(() => {
    const play = [...document.querySelectorAll(".deeds button")].find((each) => each.textContent === "Play");
    if (!play || window.ended.converted) return;
    end("converted");
    play.click();
}).observe(document, {childList: true, subtree: true});
"""
WORKER = "**/worker-*.js"


@dataclass(frozen=True)
class Journey:
    """Bytes that were sent, and when each step had ended, in seconds since the file was chosen."""

    bytes: int
    read: float
    sent: float
    converted: float
    playing: float


def measure(given: Path | None) -> int:
    """Measure with a film of an hour that is created, unless one is given; print, and return 1 if too much is sent."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, started() as system, chromium() as browser:
        short = movie(Path(folder), SHORT_SECONDS)
        long = given or movie(Path(folder), LONG_SECONDS)
        journey(browser, system, short, None, alone=True)  # pays for what is loaded once
        print(f"{short.name}, {short.stat().st_size / MEGABYTE:.1f} MB", flush=True)
        rows = []
        for megabits in MEGABITS:
            for alone in (False, True):
                rows.append(row(megabits, alone, journey(browser, system, short, megabits, alone=alone)))
        print_table(HEAD, rows)
        size = long.stat().st_size
        print(f"{long.name}, {size / MEGABYTE:.1f} MB", flush=True)
        rows = []
        for megabits in MEGABITS:
            least = size * 8 / megabits / 1e6
            rows.append((f"{megabits}", "whole", f"{size / MEGABYTE:.1f}", "", f"over {least:.0f}", "", ""))
            found = journey(browser, system, long, megabits, alone=True)
            rows.append(row(megabits, True, found))
        print_table(HEAD, rows)
        share = 100 * found.bytes / size
    return 0 if print_targets([Target(f"bytes sent of {long.name}", share, most=MOST_SHARE, unit="%")]) else 1


HEAD = ("Mbit/s", "sent", "MB", "read", "sent after", "converted after", "plays after, s")


def row(megabits: int, alone: bool, found: Journey) -> tuple[str, ...]:
    """Return a row of the table."""
    times = (f"{each:.1f}" for each in (found.read, found.sent, found.converted, found.playing))
    return (f"{megabits}", "sound" if alone else "whole", f"{found.bytes / MEGABYTE:.1f}", *times)


def journey(browser: Browser, system: System, film: Path, megabits: int | None, *, alone: bool) -> Journey:
    """Send a film by the page at a rate, its sound alone or all of it, until its MP3 plays there."""
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(LIMIT_MILLISECONDS)
    session(context, system.gateway, system.user.email, system.user.password)
    context.add_init_script("localStorage.setItem('member', 'yes')")
    context.add_init_script(NOTES)
    page = context.new_page()
    page.goto(f"{system.gateway}/page/")
    expect(page.get_by_text("Drop a video.")).to_be_visible()
    if not alone:
        # What a browser without workers does.
        page.route(WORKER, lambda route: route.abort())
    if megabits is not None:
        rate = megabits * 1e6 / 8
        shaped = {"downloadThroughput": rate, "uploadThroughput": rate, "latency": ROUND_TRIP_MILLISECONDS}
        network = context.new_cdp_session(page)
        network.send("Network.enable")
        network.send("Network.emulateNetworkConditions", {"offline": False, **shaped})
    choose(page, film)
    page.wait_for_function("() => window.ended.playing")
    ended = page.evaluate("window.ended")
    context.close()
    (job,) = system.database.jobs.find({"filename": film.name})
    system.forget(job["_id"])
    steps = {step: ended[step] - ended["chosen"] for step in ("read", "sent", "converted", "playing")}
    return Journey(job["size"], **steps)
