"""./local/test: run pytest."""

import argparse
import os
import sys

PARTS = ("quick", "platforms", "all")


def run(options: argparse.Namespace) -> int:
    """Run the tests; they start what they need."""
    words = [f"--part={word}" if word in PARTS else word for word in options.rest]
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *words])
