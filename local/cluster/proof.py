"""The end-to-end tests, run against a cluster."""

import os
import subprocess
import sys

from local.cluster import system
from local.cluster.addresses import FUNCTIONS
from local.cluster.kubectl import Kubectl
from local.cluster.system import PortForward
from local.home import ROOT
from local.problem import Problem

MAILPIT_PORT = 8025


def run(kubectl: Kubectl, gateway: PortForward, function_url: str) -> None:
    """Forward the ports, add a user, and run pytest."""
    mailpit = PortForward(FUNCTIONS, "mailpit", MAILPIT_PORT, MAILPIT_PORT)
    with system.forward_ports(kubectl, gateway, mailpit):
        token = kubectl.secret(FUNCTIONS, "login", "signup-token")
        email, password = system.add_user(function_url.format(function="login"), token)
        environment = {
            **os.environ,
            "SYSTEM_URL": function_url,
            "SYSTEM_USER": email,
            "SYSTEM_PASSWORD": password,
            "SYSTEM_MAILPIT": mailpit.url,
        }
        command = [sys.executable, "-m", "pytest", "-q", "tests/system"]
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
            raise Problem("The system is up, but some tests failed. Check its logs with kubectl, then try again.")
