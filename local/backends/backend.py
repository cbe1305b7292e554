"""A backend as the functions see it: a URL, and perhaps processes of ours behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from local.problem import Problem
from local.processes.program import Program


def nothing() -> None:
    """Do nothing: most backends need no preparation."""


@dataclass(frozen=True)
class Backend:
    """One outside system: where it is, whether it answers, and what runs it when it is private."""

    name: str
    url: str
    healthy: Callable[[], bool]
    programs: list[Program] = field(default_factory=list)
    prepare: Callable[[], None] = nothing  # before its processes start
    provision: Callable[[], None] = nothing  # once it answers

    def describe(self) -> dict[str, object]:
        """Return where it is, without its credentials."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        where = f"{parts.scheme}://{host}{parts.path}"
        # A MongoDB URL may name several hosts, which have no one port.
        several = "," in host
        return {"url": where, "host": host if several else parts.hostname, "port": None if several else parts.port}


def given_url(environ: Mapping[str, str], name: str) -> str | None:
    """Return the URL that the environment sets for a backend, itself or as NAME_FILE."""
    if value := environ.get(name):
        return value
    file = environ.get(f"{name}_FILE")
    if not file:
        return None
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise Problem(f"{name}_FILE names {file}, which cannot be read ({error.strerror}).") from error
