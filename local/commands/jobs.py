"""./local/jobs: run the operator's commands, functions.jobs."""

import argparse
import os
import sys

from local.backends.backend import given_url
from local.home import Home
from local.problem import Problem
from local.processes import configuration
from local.processes.supervisor import Supervisor, clean_environment
from local.secret_files import SecretFiles

# setting -> the local system's secret file for it
URLS = {"MONGODB_URL": "mongodb_url", "RABBITMQ_URL": "rabbitmq_url"}


def run(options: argparse.Namespace) -> int:
    """Run the command on the servers in the environment, or on the local system."""
    home = Home.default()
    environment = dict(os.environ) if _is_remote(home) else _local_environment(home)
    os.execve(sys.executable, [sys.executable, "-E", "-s", "-m", "functions.jobs", *options.rest], environment)


def _is_remote(home: Home) -> bool:
    """Tell whether both servers are set; if only one is, it must be the one the local system was started with."""
    given = {name: url for name in URLS if (url := given_url(os.environ, name))}
    if len(given) == len(URLS):
        return True
    for name, url in given.items():
        missing = next(other for other in URLS if other != name)
        file = SecretFiles(home).path(URLS[name])
        if not file.exists() or file.read_text() != url:
            raise Problem(
                f"{name} is set, but {missing} is not. Set both for a remote system, or neither for the local one."
            )
    return False


def _local_environment(home: Home) -> dict[str, str]:
    settings = configuration.read_operator(home)
    if not settings or not Supervisor(home).running():
        raise Problem("Not running. Start it with ./local/up, or set MONGODB_URL and RABBITMQ_URL for a remote system.")
    return {**clean_environment(home), **settings}
