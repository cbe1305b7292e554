"""The arguments of every command, parsed before anything is installed, so that --help costs no time."""

import argparse
import importlib
import re
import sys
from pathlib import Path

from functions.jobs import arguments as jobs
from functions.login import arguments as users
from local.cluster import addresses
from local.home import DEFAULT, ROOT

PORT = 8080
CORPUS = DEFAULT / "corpus"
CLIENT = ROOT / "local" / "client"
# Commands of the functions' own rooms.
ROOMS = {"jobs": jobs, "users": users}
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


def parse(command: str, arguments: list[str]) -> argparse.Namespace:
    """Parse a command line; on --help or a mistake, print a message and exit."""
    if command == "mp3":  # a program of its own, with a package of its own
        sys.path.append(str(CLIENT))
        importlib.import_module("mp3converter_client.arguments").parser("./local/mp3").parse_args(arguments)
        return argparse.Namespace(rest=arguments)
    if command in ROOMS:
        ROOMS[command].parser(f"./local/{command}").parse_args(arguments)
        return argparse.Namespace(rest=arguments)
    parser = argparse.ArgumentParser(prog=f"./local/{command}", description=MEANING[command], allow_abbrev=False)
    OPTIONS[command](parser)
    if command in PASSING_ON:
        known, rest = parser.parse_known_args(arguments)
        known.rest = rest
        return known
    return parser.parse_args(arguments)


def _up(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--detach", action="store_true", help="return once the system runs; ./local/down stops it")
    parser.add_argument("--port", type=_port, default=PORT, help=f"the gateway's port; default: {PORT}")


def _down(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--purge", action="store_true", help="also delete users, files, mail and keys")


def _status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", help="a function, or connector, gateway, rabbitmq, ...; default: all functions"
    )
    parser.add_argument("-f", "--follow", action="store_true", help="print new lines as they are written")
    parser.add_argument("-n", "--lines", type=int, default=50, help="the number of lines to start with; default: 50")


def _keys(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="rotate")
    actions.add_parser("rotate", help="sign with a new key; the former one verifies its tokens until they end")


def _test(parser: argparse.ArgumentParser) -> None:
    parser.usage = "./local/test [quick | platforms | all] [ARGUMENT OF PYTEST ...]"
    parser.epilog = (
        "quick: about two minutes. platforms: the tests that need a compiler, an image or a container; as root. "
        "all: everything. By default: everything but platforms."
    )


def _bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="the benchmark; without it, lists their names")


def _chaos(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=_seconds, default=60.0, help="how long faults are injected; default: 60")
    parser.add_argument(
        "--seed", type=int, help="determines all uploads and faults; by default one is generated and printed"
    )
    parser.add_argument(
        "--guards", action="store_true", help="instead, remove each guard in a copy, and show which test fails"
    )


def _corpus(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--into", type=Path, default=CORPUS, metavar="FOLDER", help="where to store them; default: .local/corpus"
    )


def _cluster_up(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--current",
        action="store_true",
        help="use kubectl's current cluster instead of creating one with kind: show what would be installed, upgraded "
        "or left there, and ask",
    )
    parser.add_argument("--registry", default="", help="with --current: the registry to push images to")
    parser.add_argument("--yes", action="store_true", help="with --current: change that cluster without asking")
    platform = parser.add_mutually_exclusive_group()
    platform.add_argument("--openfaas", action="store_true", help="use OpenFaaS's Community Edition instead of Knative")
    platform.add_argument(
        "--domain",
        type=_domain,
        help="what the functions' own URLs on Knative end in; default: the one that is set, or the ingress's address "
        "with sslip.io",
    )
    parser.add_argument("--port", type=_port, default=PORT, help=f"the local port for the tests; default: {PORT}")


def _cluster_secrets(parser: argparse.ArgumentParser) -> None:
    parser.usage = "./local/cluster/secrets --smtp-url URL [OPTION ...] | kubectl create -f -"
    add = parser.add_argument
    add("--smtp-url", required=True, help="the mail relay's URL, such as smtp://USER:PASSWORD@relay.example.com:587")
    add("--mongodb", default=addresses.MONGODB, help="what follows the @ of its URL; default: the one in the cluster")
    add("--mysql", default=addresses.MYSQL, help="what follows the @ of its URL; default: the one in the cluster")
    add("--rabbitmq", default=addresses.RABBITMQ, help="its host; default: the one in the cluster")


def _cluster_keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        choices=["rotate"],
        help="sign with a new key; the former one verifies its tokens until they end",
    )
    parser.add_argument("--openfaas", action="store_true", help="the functions run on OpenFaaS instead of Knative")
    parser.add_argument("--current", action="store_true", help="use kubectl's current cluster instead of kind's")


def _cluster_down(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "A cluster that was used with --current is left alone."


def _seconds(value: str) -> float:
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError("must be a whole number of seconds, at least 1")
    return float(value)


def _domain(value: str) -> str:
    if not re.fullmatch(rf"{_LABEL}(\.{_LABEL})+", value) or value.startswith("svc."):
        raise argparse.ArgumentTypeError("must be a domain in lower case, such as mp3.example.com")
    return value


def _port(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 65535:
        raise argparse.ArgumentTypeError("must be a number from 1 to 65535")
    return int(value)


MEANING = {
    "up": "Start the whole system on this machine, check that it converts a video, and print how to use it. "
    "Set MONGODB_URL, MYSQL_URL, RABBITMQ_URL or SMTP_URL to use your own servers instead of private ones.",
    "down": "Stop the system. Users and files are kept.",
    "status": "Show what runs, where, and whether it is healthy.",
    "logs": "Show the logs of the functions.",
    "keys": "Show the keys that verify tokens: since when each exists, and until when it counts.",
    "test": "Run the tests on their own backends, never on those of a running system.",
    "corpus": "Fetch the media files of other projects that some tests use, and check their hashes. Existing files "
    "are kept.",
    "bench": "Run a benchmark on its own backends. Further arguments are passed to the benchmark.",
    "cluster/up": "Deploy the whole system to a Kubernetes cluster and run the end-to-end tests against it. Needs "
    "Docker and the internet.",
    "cluster/down": "Delete the cluster that ./local/cluster/up created.",
    "cluster/secrets": "Print every Secret that the manifests use, with new passwords and keys. Nothing is stored.",
    "cluster/keys": "Show the keys that verify tokens in a cluster: since when each exists, and until when it counts.",
    "chaos": "Upload to a private system while its processes are killed and stopped and its connections fail, then "
    "check that nothing is lost or delivered twice.",
}
OPTIONS = {
    "corpus": _corpus,
    "up": _up,
    "down": _down,
    "status": _status,
    "logs": _logs,
    "keys": _keys,
    "test": _test,
    "bench": _bench,
    "chaos": _chaos,
    "cluster/up": _cluster_up,
    "cluster/down": _cluster_down,
    "cluster/secrets": _cluster_secrets,
    "cluster/keys": _cluster_keys,
}
PASSING_ON = ("test", "bench")
