"""./local/mp3: run the client, which knows nothing of this repository, where it was called from."""

import argparse
import importlib
import os

from local import ports
from local.gateway.process import gateway_url
from local.home import Home


def run(options: argparse.Namespace) -> int:
    """Run the command; by default its service is the local system."""
    known = ports.load(Home.default())
    if folder := os.environ.pop("CALLED_FROM", None):
        os.chdir(folder)
    client = importlib.import_module("mp3converter_client.main")
    default = {"default_url": gateway_url(known)} if known else {}
    return int(client.main(options.rest, os.environ.pop("CALLED_AS", "./local/mp3"), **default))
