"""./local/keys: show the keys of tokens, and rotate them."""

import argparse

from local import token_keys
from local.home import Home
from local.problem import Problem
from local.secret_files import SecretFiles


def run(options: argparse.Namespace) -> int:
    """Rotate if that was asked for, and print the keys."""
    secrets = SecretFiles(Home.default())
    if not secrets.path("jwt_private_key").exists():
        raise Problem("There are no keys yet. Run: ./local/up")
    if options.action == "rotate":
        secrets.rotate()
    signing = token_keys.public_key(secrets.read("jwt_private_key"))["kid"]
    print(token_keys.table(secrets.token_keys(), signing))
    return 0
