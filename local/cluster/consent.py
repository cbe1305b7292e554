"""What is about to change in a cluster that this command did not create, and the person's consent."""

import sys

from local.cluster.kubectl import Kubectl
from local.problem import Problem

WIDTH = 30


def ask(kubectl: Kubectl, changes: list[tuple[str, str]], *, yes: bool) -> None:
    """Print the changes; raise Problem unless the person agrees."""
    print(f"Context {kubectl.context}, the cluster at {kubectl.server()}:")
    for what, change in changes:
        print(f"    {what:{WIDTH}} {change}")
    print("Fields that others have set there are overwritten (--force-conflicts), except in what is left.", flush=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise Problem("Nothing was changed. Run this on a terminal to be asked, or add --yes to agree.")
    try:
        answer = input("Continue? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise Problem("Nothing was changed.")
