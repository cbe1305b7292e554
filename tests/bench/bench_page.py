"""The page: what a first visit loads, and how soon it is there and usable on a slow computer and a slow network.

Chromium's processor is slowed down to a quarter, and its own trace tells the figures of Web Vitals; with a phone's
network too, of 1.6 Mbit/s and 150 ms to the service and back. Bytes are those on the wire, in gzip, which every browser
accepts. Exits with 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urljoin

from playwright.sync_api import Browser, CDPSession, Page

from tests.bench import sending, vitals
from tests.bench.comparison import print_table
from tests.bench.system import System, started
from tests.bench.targets import Target, print_targets
from tests.bench.vitals import Vitals
from tests.page.browser import chromium

ROUNDS = 5
SLOWDOWN = 4
PAGES = {"first visit": "/page/", "first visit of /page/api": "/page/api"}
PHONE = {"offline": False, "latency": 150, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8}
NETWORKS: Mapping[str, Mapping[str, object] | None] = {"this machine's network": None, "a phone's": PHONE}
# After this long without a request or a task, the page is as it stays.
QUIET_MS = 500
NEIGHBOUR = "licences.txt"
GZIP = {"Accept-Encoding": "gzip"}
# What Web Vitals call good.
LARGEST_PAINT_MOST = 2500
BLOCKED_MOST = 200
SHIFTS_MOST = 0.1
FIRST_LOAD_MOST = 12_000
TEXTS = re.compile(r"/[a-z]{2}-\w{8}\.js$")
SIZES = "() => performance.getEntriesByType('resource').map(it => [it.name, it.encodedBodySize])"


@dataclass(frozen=True)
class Load:
    """How a page was loaded: the figures, and the bytes of each file on the wire."""

    vitals: Vitals
    sizes: Mapping[str, int]


def main() -> int:
    """Measure, print, and return 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="./local/bench page", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"loads of each ({ROUNDS})")
    parser.add_argument("--sound", action="store_true", help="instead, what sending only the sound of a film saves")
    parser.add_argument("--film", type=Path, help="with --sound: a film instead of one of an hour that is created")
    arguments = parser.parse_args()
    if arguments.sound:
        return sending.measure(arguments.film)
    rounds = max(1, arguments.rounds)
    with started() as system, chromium() as browser:
        loads = measure(system, browser, rounds)
    print_files(loads["first visit", "this machine's network"][0].sizes)
    return 0 if print_vitals(loads) else 1


def measure(system: System, browser: Browser, rounds: int) -> dict[tuple[str, str], list[Load]]:
    """Load each page over each network, in turn."""
    loads: dict[tuple[str, str], list[Load]] = {}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", flush=True)
        for title, path in PAGES.items():
            for network, conditions in NETWORKS.items():
                loads.setdefault((title, network), []).append(load(browser, f"{system.gateway}{path}", conditions))
    return loads


def load(browser: Browser, address: str, conditions: Mapping[str, object] | None) -> Load:
    """Load a page with an empty cache."""
    context = browser.new_context(viewport={"width": 412, "height": 823}, locale="en-GB", extra_http_headers=GZIP)
    try:
        page = context.new_page()
        # In the process that will load the page: the trace of a new one may begin too late.
        page.goto(urljoin(address, NEIGHBOUR))
        slow_down(context.new_cdp_session(page), conditions)
        browser.start_tracing(page=page, categories=list(vitals.CATEGORIES))
        try:
            page.goto(address)
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(QUIET_MS)
        finally:
            trace = browser.stop_tracing()
        return Load(vitals.read(trace, address), sizes(page))
    finally:
        context.close()


def slow_down(chromium: CDPSession, conditions: Mapping[str, object] | None) -> None:
    """Slow the processor down, and the network as well if there are conditions."""
    chromium.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    if conditions:
        chromium.send("Network.enable")
        chromium.send("Network.emulateNetworkConditions", dict(conditions))


def sizes(page: Page) -> dict[str, int]:
    """Return the bytes of each file that the page has loaded besides itself."""
    return {name: encoded for name, encoded in page.evaluate(SIZES)}


def first_load(sizes: Mapping[str, int]) -> int:
    """Return the bytes of script and style, without the texts of the visitor's language."""
    return sum(size for name, size in sizes.items() if name.endswith((".js", ".css")) and not TEXTS.search(name))


def print_files(sizes: Mapping[str, int]) -> None:
    """Print what a first visit loads besides the page itself."""
    rows = [(name.rpartition("/")[2], str(size)) for name, size in sizes.items()]
    print()
    print_table(("a first visit loads", "bytes"), rows)


def print_vitals(loads: Mapping[tuple[str, str], list[Load]]) -> bool:
    """Print the medians, and whether the targets are met."""
    rows, targets = [], []
    for (title, network), each in loads.items():
        paint, largest, blocked, shifts = (
            median(getattr(one.vitals, name) for one in each)
            for name in ("first_paint", "largest_paint", "blocked", "shifts")
        )
        rows.append((f"{title}, {network}", f"{paint:.0f}", f"{largest:.0f}", f"{blocked:.0f}", f"{shifts:.3f}"))
        what = f"{title}, {network}: "
        targets += [
            Target(f"{what}LCP", largest, most=LARGEST_PAINT_MOST, unit="ms"),
            Target(f"{what}TBT", blocked, most=BLOCKED_MOST, unit="ms"),
            Target(f"{what}CLS", shifts, most=SHIFTS_MOST, unit=""),
        ]
    print()
    print_table((f"processor {SLOWDOWN} times slower", "FCP ms", "LCP ms", "TBT ms", "CLS"), rows)
    bytes_loaded = first_load(loads["first visit", "this machine's network"][0].sizes)
    targets.insert(0, Target("first visit: script and style", bytes_loaded, most=FIRST_LOAD_MOST, unit="bytes"))
    return print_targets(targets)


if __name__ == "__main__":
    sys.exit(main())
