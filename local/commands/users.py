"""./local/users add: create a user in the running system."""

import argparse

from local import account, ports
from local.gateway.process import gateway_url
from local.home import Home
from local.problem import Problem
from local.secret_files import SecretFiles


def run(options: argparse.Namespace) -> int:
    """Create the user; print a generated password."""
    home = Home.default()
    known = ports.load(home)
    if not known:
        raise Problem("The system has not been started yet. Run: ./local/up")
    user = account.sign_up(gateway_url(known), SecretFiles(home), options.email, options.password)
    print(f"{user.email} can log in now.")
    if not options.password:
        print(f"Password, shown only once: {user.password}")
    return 0
