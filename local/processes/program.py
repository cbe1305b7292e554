"""What the process manager is told about one process."""

from collections.abc import Callable
from dataclasses import dataclass, field

BACKENDS = "backends"
EDGE = "edge"


@dataclass(frozen=True)
class Program:
    """One process: how it is started, how long it may take to stop, how one sees that it is well."""

    name: str
    group: str
    command: list[str]
    healthy: Callable[[], bool]
    environment: dict[str, str] = field(default_factory=dict)
    stop_seconds: int = 10
    order: int = 100
