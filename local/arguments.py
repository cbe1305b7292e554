"""The command lines, read before anything is installed: --help and a typing error must not cost a minute."""

import argparse
from pathlib import Path

from functions.jobs import arguments as jobs
from local.cluster import addresses

PORT = 8080
CORPUS = Path(__file__).resolve().parent.parent / ".local" / "corpus"


def parse(command: str, arguments: list[str]) -> argparse.Namespace:
    """Read a command line; print help, or what is wrong with it, and exit where that is due."""
    if command == "jobs":
        jobs.parser("./local/jobs").parse_args(arguments)
        return argparse.Namespace(rest=arguments)
    parser = argparse.ArgumentParser(prog=f"./local/{command}", description=MEANING[command], allow_abbrev=False)
    OPTIONS[command](parser)
    if command in PASSING_ON:
        known, rest = parser.parse_known_args(arguments)
        known.rest = rest
        return known
    return parser.parse_args(arguments)


def _up(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--detach", action="store_true", help="return once it runs; ./local/down stops it")
    parser.add_argument("--port", type=_port, default=PORT, help=f"the gateway's port, {PORT} if not given")


def _down(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--purge", action="store_true", help="forget users, files, mails and keys as well")


def _status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def _logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="a function, or connector, gateway, rabbitmq, ...; none: all functions")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as new lines come")
    parser.add_argument("-n", "--lines", type=int, default=50, help="how many lines to begin with, 50 if not given")


def _users(parser: argparse.ArgumentParser) -> None:
    add = parser.add_subparsers(dest="action", required=True).add_parser("add", help="create a user")
    add.add_argument("email", help="the address to log in with; mails go there")
    add.add_argument("--password", help="the password; without it one is made up and printed")


def _test(parser: argparse.ArgumentParser) -> None:
    parser.usage = "./local/test [quick | platforms | all] [ARGUMENT OF PYTEST ...]"
    parser.epilog = (
        "quick: about two minutes. platforms: what needs a compiler, an image or a container; as root. "
        "all: everything. Without a word or a path: everything but platforms."
    )


def _bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="which one; without it, their names are listed")


def _chaos(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=_seconds, default=60.0, help="how long the faults last, 60 if not given")
    parser.add_argument(
        "--seed", type=int, help="decides all uploads and faults; without it one is made up and printed"
    )
    parser.add_argument(
        "--guards", action="store_true", help="instead: remove each guard in a copy, and show which test fails"
    )


def _corpus(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--into", type=Path, default=CORPUS, metavar="FOLDER", help="where to; default: .local/corpus")


def _cluster_up(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--current", action="store_true", help="the cluster that kubectl speaks to, not one of kind's")
    parser.add_argument("--registry", default="", help="where --current takes images from; they are pushed there")
    parser.add_argument("--openfaas", action="store_true", help="OpenFaaS's Community Edition instead of Knative")
    parser.add_argument(
        "--port", type=_port, default=PORT, help=f"this machine's port for the tests, {PORT} if not given"
    )


def _cluster_secrets(parser: argparse.ArgumentParser) -> None:
    parser.usage = "./local/cluster/secrets --smtp-url URL [OPTION ...] | kubectl create -f -"
    add = parser.add_argument
    add("--smtp-url", required=True, help="the mail relay, such as smtp://USER:PASSWORD@relay.example.com:587")
    add("--mongodb", default=addresses.MONGODB, help="what follows the @ of its URL; default: the one in the cluster")
    add("--mysql", default=addresses.MYSQL, help="what follows the @ of its URL; default: the one in the cluster")
    add("--rabbitmq", default=addresses.RABBITMQ, help="its host; default: the one in the cluster")


def _cluster_down(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "A cluster that was taken with --current is left as it is."


def _seconds(value: str) -> float:
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError("must be a whole number of seconds, 1 at least")
    return float(value)


def _port(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 65535:
        raise argparse.ArgumentTypeError("must be a number from 1 to 65535")
    return int(value)


MEANING = {
    "up": "Start the whole system on this machine, prove that it converts a video, and print how to use it. "
    "MONGODB_URL, MYSQL_URL, RABBITMQ_URL or SMTP_URL, when set, name servers to use instead of private ones.",
    "down": "Stop the system. Users and files stay.",
    "status": "Show what runs, where, and whether it is well.",
    "logs": "Show what the functions have logged.",
    "users": "Create users of the running system.",
    "test": "Run the tests on backends of their own, never on those of a running system.",
    "corpus": "Fetch the media files of other projects that some tests use, each checked by its hash. What is there "
    "already is kept.",
    "bench": "Run a benchmark on backends of its own. Further arguments go to the benchmark.",
    "cluster/up": "Put the whole system on a Kubernetes cluster and run the end-to-end tests against it. Needs Docker "
    "and the internet.",
    "cluster/down": "Remove the cluster that ./local/cluster/up made.",
    "cluster/secrets": "Print every Secret that the manifests name, with fresh passwords and keys. Nothing is kept.",
    "chaos": "Upload to a system of its own while its processes are killed and stopped and its connections fail, then "
    "check that nothing is lost and nothing came twice.",
}
OPTIONS = {
    "corpus": _corpus,
    "up": _up,
    "down": _down,
    "status": _status,
    "logs": _logs,
    "users": _users,
    "test": _test,
    "bench": _bench,
    "chaos": _chaos,
    "cluster/up": _cluster_up,
    "cluster/down": _cluster_down,
    "cluster/secrets": _cluster_secrets,
}
PASSING_ON = ("test", "bench")
