"""./local/bench: run a benchmark."""

import argparse
import os
import sys

from local.home import ROOT
from local.problem import Problem

FOLDER = ROOT / "tests" / "bench"
PREFIX = "bench_"


def run(options: argparse.Namespace) -> int:
    """Run tests/bench/bench_NAME.py, or list the benchmarks."""
    names = sorted(path.stem.removeprefix(PREFIX) for path in FOLDER.glob(f"{PREFIX}*.py"))
    if not options.name:
        print("\n".join(["Benchmarks:", *(f"  {name}" for name in names)]))
        return 0
    if options.name not in names:
        raise Problem(f"There is no benchmark {options.name}. Benchmarks: {', '.join(names)}.")
    os.execv(sys.executable, [sys.executable, "-m", f"tests.bench.{PREFIX}{options.name}", *options.rest])
