"""./local/users: run the operator's commands on users, functions.login."""

import argparse
import os
import sys

from local.backends.backend import given_url
from local.home import Home
from local.problem import Problem
from local.processes import configuration
from local.processes.supervisor import Supervisor, clean_environment
from local.secret_files import SecretFiles


def run(options: argparse.Namespace) -> int:
    """Run the command on the server in the environment, or on the local system."""
    home = Home.default()
    environment = dict(os.environ) if given_url(os.environ, "MYSQL_URL") else _local_environment(home)
    os.execve(sys.executable, [sys.executable, "-E", "-s", "-m", "functions.login", *options.rest], environment)


def _local_environment(home: Home) -> dict[str, str]:
    if not home.exists() or not Supervisor(home).running():
        raise Problem("Not running. Start it with ./local/up, or set MYSQL_URL for a remote system.")
    settings = configuration.read_operator(home)
    return {**clean_environment(home), **settings, "MYSQL_URL_FILE": str(SecretFiles(home).path("mysql_url"))}
