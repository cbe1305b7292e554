"""The description of one process for the process manager."""

from collections.abc import Callable
from dataclasses import dataclass, field

BACKENDS = "backends"
EDGE = "edge"


@dataclass(frozen=True)
class Program:
    """One process: how to start it, how long it may take to stop, and how to check its health."""

    name: str
    group: str
    command: list[str]
    healthy: Callable[[], bool]
    environment: dict[str, str] = field(default_factory=dict)
    stop_seconds: int = 10
    order: int = 100
