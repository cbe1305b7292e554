"""Logins: 200 at once, against the time that Argon2 alone takes on the same cores; exits with 1 below 80 %."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from functions.common import cgroups
from functions.login import stored
from tests.bench.comparison import print_table
from tests.bench.memory import watching
from tests.bench.system import System, started
from tests.bench.targets import Target, print_targets
from tests.clients import web

AT_ONCE = 200
ROUNDS = 5
LEAST_SHARE = 0.8
MOST_MEGABYTES = 384  # login's limit on Kubernetes


def main() -> int:
    """Measure, print, and return 1 when a figure is beyond its limit."""
    with started() as system:
        user = system.user
        hashes = Hashes(user.password)
        logins(system)  # the first pays for what login loads once
        with watching(system.functions["login"]) as memory:
            rounds = [(hashes.seconds(), logins(system)) for _ in range(ROUNDS)]
    alone, through = (median(each) for each in zip(*rounds, strict=True))
    rows = [
        (f"{name}, {AT_ONCE} at once", f"{seconds:.2f}", f"{AT_ONCE / seconds:.0f}")
        for name, seconds in [("Argon2 alone", alone), ("logins", through)]
    ]
    print_table(("", "seconds", "per second"), rows)
    targets = [
        Target("logins against Argon2 alone", alone / through, least=LEAST_SHARE),
        Target("memory of login", memory.peak / 1e6, most=MOST_MEGABYTES, unit="MB"),
    ]
    return 0 if print_targets(targets) else 1


class Hashes:
    """What login's hashes cost without anything else."""

    def __init__(self, password: str) -> None:
        self._password, self._stored = password, stored.hashed(password)

    def seconds(self) -> float:
        """Check the password as often as there are logins, on every core."""
        began = time.monotonic()
        with ThreadPoolExecutor(cgroups.cpus()) as pool:
            assert all(pool.map(lambda _: stored._HASHER.verify(self._stored, self._password), range(AT_ONCE)))
        return time.monotonic() - began


def logins(system: System) -> float:
    """Log in so often at once, and return how many seconds all took."""
    url, user = system.functions["login"], system.user
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for token in pool.map(lambda _: web.login(url, user.email, user.password), range(AT_ONCE)):
            assert token
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
