"""./local/cluster/down: remove the cluster that ./local/cluster/up created, with all its data."""

import argparse

from local.cluster import kind, tools


def run(options: argparse.Namespace) -> int:
    """Remove kind's cluster; a cluster used with --current is left alone."""
    tools.docker()
    program = tools.program("kind")
    existed = kind.exists(program)
    kind.remove(program)
    print("The cluster and all its data were removed." if existed else "There is no cluster to remove.")
    return 0
