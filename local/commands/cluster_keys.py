"""./local/cluster/keys: show the keys of tokens in a cluster, and rotate them."""

import argparse

from local.cluster import cluster, rotation
from local.progress import Progress


def run(options: argparse.Namespace) -> int:
    """Rotate if that was asked for, and print the keys."""
    progress = Progress()
    platform = rotation.openfaas() if options.openfaas else rotation.knative()
    keys = rotation.Rotation(cluster.reached(current=options.current), platform, progress.step)
    if options.action == "rotate":
        keys.rotate()
        progress.done("Another key signs; the former one verifies its tokens until they end.")
    print(keys.table())
    return 0
