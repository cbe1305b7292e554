"""The page: what a visit loads, and how soon it is there and usable on a slow computer and a slow network.

Chromium's processor is slowed down to a quarter, and its own trace tells the figures of Web Vitals; with a phone's
network too, of 1.6 Mbit/s and 150 ms to the service and back. Strangers and a member with 50 jobs come, each with an
empty cache. Bytes are those on the wire, in gzip, which every browser accepts, a member's until the list stands. Exits
with 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from urllib.parse import urljoin

from playwright.sync_api import Browser, CDPSession, Page

from local.account import User
from tests.bench import sending, vitals
from tests.bench.comparison import print_table
from tests.bench.system import CONVERTED_SECONDS, System, started
from tests.bench.targets import Target, print_targets
from tests.bench.vitals import Vitals
from tests.clients import web
from tests.clients.waiting import until
from tests.media.movies import movie
from tests.page.browser import chromium, session

ROUNDS = 5
SLOWDOWN = 4
STRANGER, MEMBER = "first visit", "member's first view"
PAGES = {STRANGER: "/page/", MEMBER: "/page/", "first visit of /page/api": "/page/api"}
JOBS = 50
MAILED_SECONDS = 60
SHOWN = 20  # of them, on the first page of the list
PHONE = {"offline": False, "latency": 150, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8}
NETWORKS: Mapping[str, Mapping[str, object] | None] = {"this machine's network": None, "a phone's": PHONE}
# After this long without a request or a task, the page is as it stays.
QUIET_MS = 500
NEIGHBOUR = "licences.txt"
GZIP = {"Accept-Encoding": "gzip"}
# What Web Vitals call good.
LARGEST_PAINT_MOST = 2500
BLOCKED_MOST = 200
SHIFTS_MOST = 0.02  # stricter: good is 0.1
FIRST_LOAD_MOST = 12_000
# What was asked for before the answer with the list had arrived, or all where there is no list.
SIZES = """() => {
    const all = performance.getEntriesByType("resource");
    const list = all.find(({name}) => /\\/jobs\\?/.test(name));
    return all.filter(({startTime}) => !list || startTime < list.responseEnd)
        .map(({name, encodedBodySize}) => [name, encodedBodySize]);
}"""


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
        fill_list(system)
        loads = measure(system, browser, rounds)
    for title in (STRANGER, MEMBER):
        print_files(title, loads[title, "this machine's network"][0].sizes)
    return 0 if print_vitals(loads) else 1


def fill_list(system: System) -> None:
    """Give the user finished jobs: one that is converted, and copies of it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        fid = web.upload(system.functions["upload"], system.token, movie(Path(folder), 1)).json()["id"]
    system.inspector.done(fid, CONVERTED_SECONDS)
    # Nothing is left to do for the copies, or they would change while they are shown.
    until(lambda: system.inspector.job(fid)["mail"]["state"] == "sent", "the mail", MAILED_SECONDS)
    job = system.inspector.job(fid)
    for number in range(1, JOBS):
        begun = job["created_at"] - timedelta(minutes=number)
        copy = {"_id": str(uuid.uuid4()), "filename": f"Lecture {number}.mp4", "created_at": begun, "updated_at": begun}
        system.database.jobs.insert_one(job | copy)


def measure(system: System, browser: Browser, rounds: int) -> dict[tuple[str, str], list[Load]]:
    """Load each page over each network, in turn."""
    loads: dict[tuple[str, str], list[Load]] = {}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", flush=True)
        for title, path in PAGES.items():
            for network, conditions in NETWORKS.items():
                user = system.user if title == MEMBER else None
                found = load(browser, f"{system.gateway}{path}", conditions, user)
                loads.setdefault((title, network), []).append(found)
    return loads


def load(browser: Browser, address: str, conditions: Mapping[str, object] | None, user: User | None) -> Load:
    """Load a page with an empty cache, as a user who is logged in, or as a stranger."""
    context = browser.new_context(viewport={"width": 412, "height": 823}, locale="en-GB", extra_http_headers=GZIP)
    try:
        page = context.new_page()
        # In the process that will load the page: the trace of a new one may begin too late.
        page.goto(urljoin(address, NEIGHBOUR))
        if user:
            session(context, urljoin(address, "/"), user.email, user.password)
            page.evaluate("localStorage.setItem('member', 'yes')")
        slow_down(context.new_cdp_session(page), conditions)
        browser.start_tracing(page=page, categories=list(vitals.CATEGORIES))
        try:
            visit(page, address, is_member=user is not None)
        finally:
            trace = browser.stop_tracing()
        return Load(vitals.read(trace, address), sizes(page))
    finally:
        context.close()


def visit(page: Page, address: str, *, is_member: bool) -> None:
    """Open a page, and wait until it stays as it is."""
    if is_member:
        # The stream of events, which never ends, is asked for after all else.
        with page.expect_request("**/jobs/events"):
            page.goto(address)
        assert page.locator(".rows > li").count() == SHOWN
    else:
        page.goto(address)
        page.wait_for_load_state("networkidle")
    page.wait_for_timeout(QUIET_MS)


def slow_down(chromium: CDPSession, conditions: Mapping[str, object] | None) -> None:
    """Slow the processor down, and the network as well if there are conditions."""
    chromium.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    if conditions:
        chromium.send("Network.enable")
        chromium.send("Network.emulateNetworkConditions", dict(conditions))


def sizes(page: Page) -> dict[str, int]:
    """Return the bytes of each file that the page has loaded besides itself, until its list stands if it has one."""
    return {name: encoded for name, encoded in page.evaluate(SIZES)}


def first_load(sizes: Mapping[str, int]) -> int:
    """Return the bytes of script and style; texts are script as well."""
    return sum(size for name, size in sizes.items() if name.endswith((".js", ".css")))


def print_files(title: str, sizes: Mapping[str, int]) -> None:
    """Print what a visit loads besides the page itself."""
    rows = [(name.rpartition("/")[2], str(size)) for name, size in sizes.items()]
    print()
    print_table((f"{title} loads", "bytes"), rows)


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
    for title in (MEMBER, STRANGER):
        loaded = first_load(loads[title, "this machine's network"][0].sizes)
        targets.insert(0, Target(f"{title}: script and style", loaded, most=FIRST_LOAD_MOST, unit="bytes"))
    return print_targets(targets)


if __name__ == "__main__":
    sys.exit(main())
