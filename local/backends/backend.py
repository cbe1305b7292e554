"""A backend: a URL, and the local processes behind it, if it is private."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from local.problem import Problem
from local.processes.program import Program


def nothing() -> None:
    """Do nothing: the default for backends that need no preparation."""


@dataclass(frozen=True)
class Backend:
    """One backend: its URL, its health check, and the programs that run it if it is private."""

    name: str
    url: str
    healthy: Callable[[], bool]
    programs: list[Program] = field(default_factory=list)
    prepare: Callable[[], None] = nothing  # before its processes start
    provision: Callable[[], None] = nothing  # once it answers

    def describe(self) -> dict[str, object]:
        """Return its address, without credentials."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        where = f"{parts.scheme}://{host}{parts.path}"
        # A MongoDB URL may name several hosts, each with its own port.
        several = "," in host
        return {"url": where, "host": host if several else parts.hostname, "port": None if several else parts.port}


def given_url(environ: Mapping[str, str], name: str) -> str | None:
    """Return the backend's URL from the variable NAME or the file that NAME_FILE names."""
    if value := environ.get(name):
        return value
    file = environ.get(f"{name}_FILE")
    if not file:
        return None
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise Problem(f"Cannot read {file}, which {name}_FILE names: {error.strerror}.") from error
