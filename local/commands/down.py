"""./local/down: stop everything; with --purge also delete all data."""

import argparse
import shutil

from local.home import Home
from local.processes import leftovers
from local.processes.supervisor import Supervisor
from local.stack import stop

WAIT_SECONDS = 180.0


def run(options: argparse.Namespace) -> int:
    """Stop the system of this home."""
    home = Home.default()
    if not home.exists():
        print("Not running.")
        return 0
    busy = "Another ./local/up or ./local/down is still running. Stop it with Ctrl-C, then try again."
    with home.lock(wait_seconds=WAIT_SECONDS, busy=busy):
        ran = bool(leftovers.find(home))
        stop(Supervisor(home))
        if options.purge:
            shutil.rmtree(home.path)
    purged = " Users, files, mails and keys were deleted." if options.purge else ""
    print(("Stopped." if ran else "Not running.") + purged)
    return 0
