"""./local/down: stop everything, and with --purge forget everything."""

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
        print("Nothing runs here.")
        return 0
    busy = "Another ./local/up or ./local/down is still at work; stop it with Ctrl-C and try again."
    with home.lock(wait_seconds=WAIT_SECONDS, busy=busy):
        ran = bool(leftovers.find(home))
        stop(Supervisor(home))
        if options.purge:
            shutil.rmtree(home.path)
    forgotten = " Users, files and mails are forgotten." if options.purge else ""
    print(("Stopped." if ran else "Nothing runs here.") + forgotten)
    return 0
