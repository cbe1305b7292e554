"""./local/logs: show the logs of the processes."""

import argparse
import os

from local import stack_file
from local.home import Home
from local.problem import Problem


def run(options: argparse.Namespace) -> int:
    """Run tail, which can show and follow files."""
    folder = Home.default().log
    known = sorted(path.stem for path in folder.glob("*.log"))
    names = [options.name] if options.name else [*stack_file.functions(), "connector"]
    files = [str(folder / f"{name}.log") for name in names if name in known]
    if not files:
        advice = f"Logs: {', '.join(known)}." if known else "Start the system with: ./local/up"
        raise Problem(f"There is no log of {options.name or 'the functions'} yet. {advice}")
    follow = ["-F"] if options.follow else []
    os.execvp("tail", ["tail", "-n", str(options.lines), *follow, *files])
