"""./local/chaos: run the chaos test, or prove that each guard is tested."""

import argparse
import os
import sys


def run(options: argparse.Namespace) -> int:
    """Run tests/chaos/run.py with the given seed, or tests/chaos/guards.py."""
    words = ["tests.chaos.guards"] if options.guards else ["tests.chaos.run", f"--seconds={options.seconds}"]
    if not options.guards and options.seed is not None:
        words.append(f"--seed={options.seed}")
    os.execv(sys.executable, [sys.executable, "-m", *words])
