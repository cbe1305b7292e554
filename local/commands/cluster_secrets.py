"""./local/cluster/secrets: print every Secret that the system needs in a cluster."""

import argparse
import sys

import yaml

from local.cluster import credentials


def run(options: argparse.Namespace) -> int:
    """Print the Secrets as a YAML stream; nothing is stored."""
    made = credentials.make(options.mongodb, options.mysql, options.rabbitmq, options.smtp_url)
    yaml.safe_dump_all(made, sys.stdout, sort_keys=False)
    return 0
