"""./local/cluster/down: remove the cluster of ./local/cluster/up, and all that is in it."""

import argparse

from local.cluster import kind, tools


def run(options: argparse.Namespace) -> int:
    """Remove what kind made; a cluster that was somebody's own is left alone."""
    tools.docker()
    program = tools.program("kind")
    there = kind.exists(program)
    kind.remove(program)
    print("The cluster is gone, with all that was in it." if there else "There is no cluster here.")
    return 0
