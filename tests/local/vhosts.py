"""RabbitMQ virtual hosts for single tests, created with rabbitmqctl."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from local import ports
from local.backends import definitions, rabbitmq
from local.home import Home
from local.processes.supervisor import clean_environment

TIMEOUT_SECONDS = 120  # starting Erlang alone takes seconds on a busy machine


@contextmanager
def fresh_vhost(home: Path, url: str) -> Iterator[str]:
    """Yield the URL of a new virtual host with the whole topology, and delete it afterwards."""
    name = f"test-{secrets.token_hex(6)}"
    file = home / "tmp" / f"{name}.json"
    file.write_text(definitions.in_vhost(name))
    try:
        rabbitmqctl(home, "import_definitions", str(file))
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        rabbitmqctl(home, "delete_vhost", name)
        file.unlink()


def rabbitmqctl(home: Path, *arguments: str) -> str:
    """Run rabbitmqctl on the broker of a home."""
    place = Home(home)
    # Not /usr/sbin/rabbitmqctl: it changes the user and leaves a port mapper on all interfaces.
    result = subprocess.run(
        [f"{rabbitmq.PROGRAMS}/rabbitmqctl", "--quiet", *arguments],
        env={**os.environ, **clean_environment(place), **rabbitmq.environment(place, ports.load(place))},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(f"rabbitmqctl {arguments[0]} failed: {result.stdout}{result.stderr}")
    return result.stdout
