"""./local/logs: what the processes have written."""

import argparse
import os

from local import stack_file
from local.home import Home
from local.problem import Problem


def run(options: argparse.Namespace) -> int:
    """Become tail, which shows and follows files better than we would."""
    folder = Home.default().log
    known = sorted(path.stem for path in folder.glob("*.log"))
    names = [options.name] if options.name else [*stack_file.functions(), "connector"]
    files = [str(folder / f"{name}.log") for name in names if name in known]
    if not files:
        there = f"There are logs of: {', '.join(known)}." if known else "Start the system with: ./local/up"
        raise Problem(f"There is no log of {options.name or 'the functions'} yet. {there}")
    follow = ["-F"] if options.follow else []
    os.execvp("tail", ["tail", "-n", str(options.lines), *follow, *files])
