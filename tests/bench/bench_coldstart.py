"""Cold start: from exec to each function's first answers, beside a trivial one on functions-framework's own runner.

All are started afresh in turn, with the same Python and compiled bytecode, each with the packages of its image and no
others; the functions as their containers start them, against real backends. Each start that counts follows one of the
same kind that does not, so that all find their files in memory. The Argon2id check counts in login, and imports that
wait for the first request count in all. upload announces its job when the answer is out: what that costs is in a line
of its own, and in its memory. What no upload or download can do without, PyJWT and pymongo, is measured alone, too.
Exits with 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import compileall
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from tests.bench.cold import HEALTHY, Call, Cost, First, Server, first_answer
from tests.bench.comparison import print_table
from tests.bench.first_calls import FirstCalls
from tests.bench.rooms import furnished
from tests.bench.system import ROOT, System, started
from tests.bench.targets import Target, print_targets

ROUNDS = 11
FUNCTIONS = ("login", "upload", "convert", "notify", "download", "jobs", "page", "sweep")
PEER = "functions-framework, trivial"
DRIVERS = "functions-framework, loads PyJWT and pymongo"
HEALTH, BEGUN, ANSWERED, ANNOUNCED = "health", "first event claimed", "first answer", "announced"
EVENTS = ("convert", "notify")  # what must be quick is the claim; the rest is the work itself
HEALTH_MOST = 1.25
FIRST_MOST = 1.7
MEGABYTES_MOST = 60
MEGABYTE = 1_000_000
TRIVIAL = ROOT / "tests" / "bench" / "trivial.py"
KEPT = ("PATH", "LANG", "HOME")

Costs = dict[tuple[str, str], list[Cost]]


def main() -> int:
    """Measure, print, and return 1 when a target was missed."""
    rounds = parse(sys.argv[1:])
    for sources in (ROOT / "functions", TRIVIAL.parent):
        compileall.compile_dir(str(sources), quiet=2)
    costs: Costs = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        print("installing each function's own packages", flush=True)
        rooms = {name: furnished(name, Path(folder)) for name in FUNCTIONS}
        with started() as system:
            servers = quieted(system, rooms)
            rehearsal, calls = FirstCalls(system, Path(folder)), FirstCalls(system, Path(folder))
            for number in range(rounds):
                print(f"round {number + 1} of {rounds}", flush=True)
                measure(costs, servers, rehearsal, calls)
    print_costs(costs)
    return 0 if print_targets(targets(costs)) else 1


def quieted(system: System, rooms: Mapping[str, Path]) -> dict[str, Server]:
    """Stop every function, which would share the measured ones' pages and take their work; return how each starts."""

    def as_in_its_image(name: str) -> Server:
        (program, *words), environment = system.program(name)
        return Server([str(rooms[name] / Path(program).name), *words], environment)

    system.stop("connector")
    for name in FUNCTIONS:
        system.stop(name)
    servers = {name: as_in_its_image(name) for name in FUNCTIONS}
    environment = {name: servers["login"].environment[name] for name in KEPT}

    def on_its_own_runner(target: str) -> Server:
        command = [str(rooms["upload"] / "functions-framework"), f"--target={target}", f"--source={TRIVIAL}"]
        return Server(command, environment)

    return {PEER: on_its_own_runner("trivial"), DRIVERS: on_its_own_runner("drivers"), **servers}


def measure(costs: Costs, servers: dict[str, Server], rehearsal: FirstCalls, calls: FirstCalls) -> None:
    """Start every function for its health and for its work, and the trivial one before each."""

    def note(name: str, what: str, cost: Cost) -> None:
        costs.setdefault((name, what), []).append(cost)

    def second(server: Server, call: Call) -> First:
        first_answer(server, call)
        return first_answer(server, call)

    for name in FUNCTIONS:
        note(PEER, ANSWERED, second(servers[PEER], Call("GET", "/")).answered)
        note(name, HEALTH, second(servers[name], Call(*HEALTHY)).answered)
        note(PEER, ANSWERED, second(servers[PEER], Call("GET", "/")).answered)
        rehearsal.answered(name, first_answer(servers[name], rehearsal.to(name)))
        first = first_answer(servers[name], calls.to(name))
        calls.answered(name, first)
        if first.begun:
            note(name, BEGUN, first.begun)
        note(name, ANSWERED, first.answered)
        if name == "upload":
            note(name, ANNOUNCED, first.rested)
    note(DRIVERS, ANSWERED, second(servers[DRIVERS], Call("GET", "/")).answered)
    for each in (rehearsal, calls):
        each.ended_well()


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
