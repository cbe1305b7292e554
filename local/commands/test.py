"""./local/test: run pytest."""

import argparse
import os
import sys

PARTS = ("quick", "platforms", "all")


def run(options: argparse.Namespace) -> int:
    """Run the tests; they start what they need."""
    words = [f"--part={word}" if word in PARTS else word for word in options.rest]
    # Workers, and the programs that tests start, import the same files. Without the bytecode cache, which images turn
    # off, each of them would compile these again.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    os.execve(sys.executable, [sys.executable, "-m", "pytest", *words], environment)
