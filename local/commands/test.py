"""./local/test: become pytest."""

import argparse
import os
import sys


def run(options: argparse.Namespace) -> int:
    """Run the tests; what they need they start themselves."""
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *options.rest])
