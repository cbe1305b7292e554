"""Cold start: from exec to each function's first answers, beside a trivial one on functions-framework's own runner.

All are started afresh in turn, with the same Python and compiled bytecode; the functions as their containers start
them, against real backends. The Argon2id check counts in login, and imports that wait for the first request count in
all. Exits with 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import compileall
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.bench.cold import Call, Cost, Server, first_answer
from tests.bench.comparison import print_table
from tests.bench.first_calls import FirstCalls
from tests.bench.system import ROOT, System, started
from tests.bench.targets import Target, print_targets

ROUNDS = 11
FUNCTIONS = ("login", "upload", "convert", "notify", "download", "sweep")
PEER = "functions-framework, trivial"
HEALTH, BEGUN, ANSWERED = "health", "first event claimed", "first answer"
EVENTS = ("convert", "notify")  # what must be quick is the claim; the rest is the work itself
HEALTH_MOST = 1.25
FIRST_MOST = 1.7
MEGABYTES_MOST = 60
MEGABYTE = 1_000_000
HEALTHY = Call("GET", "/_/health")
TRIVIAL = ROOT / "tests" / "bench" / "trivial.py"
KEPT = ("PATH", "LANG", "HOME")

Costs = dict[tuple[str, str], list[Cost]]


def main() -> int:
    """Measure, print, and return 1 when a target was missed."""
    rounds = parse(sys.argv[1:])
    for folder in (sysconfig.get_path("purelib"), ROOT / "functions", TRIVIAL.parent):
        compileall.compile_dir(str(folder), quiet=2)
    costs: Costs = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, started() as system:
        servers = quieted(system)
        calls = FirstCalls(system, Path(folder))
        measure({}, servers, calls)  # a round that does not count: files are read from the disk, indexes are made
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", flush=True)
            measure(costs, servers, calls)
    print_costs(costs)
    return 0 if print_targets(targets(costs)) else 1


def quieted(system: System) -> dict[str, Server]:
    """Stop every function, which would share the measured ones' pages and take their work; return how each starts."""
    system.stop("connector")
    for name in FUNCTIONS:
        system.stop(name)
    servers = {name: Server(*system.program(name)) for name in FUNCTIONS}
    environment = {name: servers["login"].environment[name] for name in KEPT}
    command = [str(Path(sys.executable).parent / "functions-framework"), "--target=trivial", f"--source={TRIVIAL}"]
    return {PEER: Server(command, environment), **servers}


def measure(costs: Costs, servers: dict[str, Server], calls: FirstCalls) -> None:
    """Start every function twice, once for its health and once for its work, and the trivial one before each."""

    def note(name: str, what: str, cost: Cost) -> None:
        costs.setdefault((name, what), []).append(cost)

    for name in FUNCTIONS:
        note(PEER, ANSWERED, first_answer(servers[PEER], Call("GET", "/")).answered)
        note(name, HEALTH, first_answer(servers[name], HEALTHY).answered)
        note(PEER, ANSWERED, first_answer(servers[PEER], Call("GET", "/")).answered)
        first = first_answer(servers[name], getattr(calls, name)())
        if first.begun:
            note(name, BEGUN, first.begun)
        note(name, ANSWERED, first.answered)
        if name == "upload":
            calls.uploaded(first.body)
    calls.ended_well()


def print_costs(costs: Costs) -> None:
    """Print medians and least values, and the ratios of both to the trivial function's."""
    peer = costs[PEER, ANSWERED]
    rows = []
    for (name, what), each in costs.items():
        seconds, cpu = [cost.seconds for cost in each], [cost.cpu for cost in each]
        figures = [*both(seconds, [cost.seconds for cost in peer]), *both(cpu, [cost.cpu for cost in peer])]
        rows.append((f"{name}, {what}", *figures, f"{megabytes(each):.0f}"))
    head = ("ms from exec", "median", "ratio", "least", "ratio", "CPU median", "ratio", "least", "ratio", "MB (PSS)")
    print_table(head, rows)


def both(values: Sequence[float], others: Sequence[float]) -> list[str]:
    """Return the median and the least value in milliseconds, each with its ratio to the others'."""
    return [
        text
        for figure in (median, min)
        for text in (f"{figure(values) * 1000:.0f}", f"{figure(values) / figure(others):.2f}")
    ]


def targets(costs: Costs) -> list[Target]:
    """Return what must be reached: by the medians of the time from exec, and of the memory after the answer."""
    found = []
    for name in FUNCTIONS:
        first = BEGUN if name in EVENTS else ANSWERED
        found += [
            Target(f"{name}, {HEALTH}", ratio(costs, name, HEALTH), most=HEALTH_MOST),
            Target(f"{name}, {first}", ratio(costs, name, first), most=FIRST_MOST),
            Target(f"{name}, memory", megabytes(costs[name, ANSWERED]), most=MEGABYTES_MOST, unit="MB"),
        ]
    return found


def ratio(costs: Costs, name: str, what: str) -> float:
    """Return how many times the trivial function's time this takes."""
    seconds, others = ([cost.seconds for cost in costs[key]] for key in ((name, what), (PEER, ANSWERED)))
    return median(seconds) / median(others)


def megabytes(costs: Sequence[Cost]) -> float:
    """Return what was held, in the median."""
    return median(cost.memory for cost in costs) / MEGABYTE


def parse(words: list[str]) -> int:
    """Read the number of rounds from the command line."""
    parser = argparse.ArgumentParser(prog="./local/bench coldstart", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds that count ({ROUNDS})")
    return max(1, int(parser.parse_args(words).rounds))


if __name__ == "__main__":
    sys.exit(main())
