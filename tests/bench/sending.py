"""What the page saves by sending only the sound: bytes, and seconds from choosing a file until its MP3 plays.

A browser chooses, sends, waits and plays through the gateway, while Chromium holds its connections down to a rate. Of
a film of an hour, only the sound is sent; all of it would take at least the time that is printed beside it. More
than 6 % of its bytes are too many.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from tests.bench.comparison import print_table
from tests.bench.system import System, started
from tests.bench.targets import Target, print_targets
from tests.media.movies import movie
from tests.page.browser import chromium
from tests.page.sounds import Sender

LONG_SECONDS = 3600
SHORT_SECONDS = 60
MEGABITS = (5, 20, 100)
ROUND_TRIP_MILLISECONDS = 20
MOST_SHARE = 6.0  # %
LIMIT_MILLISECONDS = 1_800_000
MEGABYTE = 1_000_000

JOURNEY = """async ([address, token, alone]) => {
    const {soundOf} = await import(address);
    const headers = {Authorization: `Bearer ${token}`};
    const [file] = document.querySelector("input").files;
    const start = performance.now();
    const since = () => (performance.now() - start) / 1000;
    const {body, bytes, name} = alone ? await soundOf(file) : {body: file, bytes: file.size, name: file.name};
    const read = since();
    const answer = await fetch(`../upload/?filename=${encodeURIComponent(name)}`, {method: "POST", headers, body});
    if (answer.status !== 202) throw new Error(await answer.text());
    const {id} = await answer.json();
    const sent = since();
    for (let state = "queued"; state !== "done"; ) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        ({state} = await (await fetch(`../jobs/${id}`, {headers})).json());
        if (state === "failed") throw new Error("The conversion failed.");
    }
    const converted = since();
    const link = await (await fetch(`../jobs/${id}/link`, {method: "POST", headers})).json();
    const player = new Audio(link.url);
    await new Promise((resolve, reject) => {
        player.onplaying = resolve;
        player.onerror = () => reject(new Error(player.error.message));
        player.play();
    });
    player.pause();
    return {id, bytes, read, sent, converted, playing: since()};
}"""


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
    """Send a film as a fresh visitor at a rate, its sound alone or all of it, until its MP3 plays."""
    context = browser.new_context()
    context.set_default_timeout(LIMIT_MILLISECONDS)
    sender = Sender(context.new_page(), f"{system.gateway}/page")
    sender.choose(film)
    if megabits is not None:
        rate = megabits * 1e6 / 8
        shaped = {"downloadThroughput": rate, "uploadThroughput": rate, "latency": ROUND_TRIP_MILLISECONDS}
        context.new_cdp_session(sender.page).send("Network.emulateNetworkConditions", {"offline": False, **shaped})
    found = sender.page.evaluate(JOURNEY, [sender.module, system.token, alone])
    context.close()
    system.forget(found.pop("id"))
    return Journey(**found)
