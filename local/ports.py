"""Ports on the loopback interface, chosen once and remembered, so that links and bookmarks keep working."""

import json
import random
import socket

from local import stack_file
from local.home import Home
from local.problem import Problem

HOST = "127.0.0.1"
# Below Linux's range for outgoing connections, so that none is taken by chance while the system is stopped.
LOWEST, HIGHEST = 20000, 32000
ALL = range(LOWEST, HIGHEST)
# name -> number of consecutive ports; RabbitMQ's tools need eleven besides the node's own. Each function needs one.
SERVERS = {
    "mysql": 1,
    "mongodb": 1,
    "rabbitmq": 1,
    "rabbitmq-dist": 12,
    "epmd": 1,
    "smtp": 1,
    "mailbox": 1,
    "system": 1,
    "connector": 1,
}


def is_free(port: int) -> bool:
    """Tell whether a server can listen on this port now."""
    return _bind_error(port) is None


def _bind_error(port: int) -> OSError | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error
        return None


def assign(home: Home, gateway: int | None, among: range = ALL) -> dict[str, int]:
    """Return a free port for each name, the remembered one if it is still free, and remember them."""
    remembered = _remembered(home)
    # The gateway's port is chosen first: no other server may take the one that the user wants.
    ports = {} if gateway is None else {"gateway": _wanted(gateway)}
    for name, count in {**SERVERS, **dict.fromkeys(stack_file.functions(), 1)}.items():
        first = remembered.get(name, 0)
        if not (first in among and _fits(first, count, ports)):
            first = _pick(count, ports, among)
        ports[name] = first
    if gateway is None:
        ports["gateway"] = _pick(1, ports, among)
    (home.path / "ports.json").write_text(json.dumps(ports, indent=1))
    return ports


def load(home: Home) -> dict[str, int]:
    """Return the ports of the last start."""
    return _remembered(home)


def _remembered(home: Home) -> dict[str, int]:
    try:
        return {str(name): int(port) for name, port in json.loads((home.path / "ports.json").read_text()).items()}
    except (FileNotFoundError, ValueError):
        return {}


def _wanted(wanted: int) -> int:
    error = _bind_error(wanted)
    if isinstance(error, PermissionError):
        raise Problem(
            f"Port {wanted} is reserved for root. Choose a port above 1023: ./local/up --port 8080"
        ) from error
    if error:
        raise Problem(
            f"Port {wanted} is in use by another program. Stop that program, or choose another port: "
            f"./local/up --port {wanted + 1}"
        )
    return wanted


def _pick(count: int, taken: dict[str, int], among: range) -> int:
    for _ in range(1000):
        first = random.randrange(among.start, among.stop - count)  # noqa: S311 - a port is not a secret
        if _fits(first, count, taken):
            return first
    raise Problem(
        f"No free port was found between {among.start} and {among.stop}. Stop some of the programs that listen there."
    )


def _fits(first: int, count: int, taken: dict[str, int]) -> bool:
    used = {port + step for name, port in taken.items() for step in range(SERVERS.get(name, 1))}
    return all(port not in used and is_free(port) for port in range(first, first + count))
