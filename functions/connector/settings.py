"""The connector's settings, and its queues."""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from functions.common.config import ConfigError, Settings, choice, integer, seconds, text, url


class Connector(Settings):
    """How messages are delivered, and when sweep is called."""

    sinks: str = text(
        "CONNECTOR_SINKS",
        "each queue and the URL that gets its messages, such as 'videos=http://HOST/ mp3s=http://HOST/'",
    )
    parallelism: str = text(
        "CONNECTOR_PARALLELISM", "concurrent calls: a number for every queue, or QUEUE=NUMBER for each", default="1"
    )
    prefetch: str = text(
        "CONNECTOR_PREFETCH", "unacknowledged messages, in the same form; default: the parallelism", default=""
    )
    retry: int = integer("CONNECTOR_RETRY", "retries of a call that may succeed later", default=5, maximum=1000)
    backoff: float = seconds("CONNECTOR_BACKOFF_SECONDS", "base of the wait before a retry", default=1.0)
    policy: Literal["exponential", "linear"] = choice(
        "CONNECTOR_BACKOFF_POLICY",
        "how the wait grows: exponential or linear",
        "exponential",
        "linear",
        default="exponential",
    )
    call_timeout: float = seconds(
        "CONNECTOR_CALL_TIMEOUT_SECONDS", "maximum time of a call; 0 for no limit", default=0.0, minimum=0.0
    )
    grace: float = seconds("CONNECTOR_GRACE_SECONDS", "time for running calls to end after SIGTERM", default=600.0)
    sweep_url: str = url("SWEEP_URL", "URL of sweep, called by a timer; no timer if empty", "http", "https", default="")
    sweep_every: float = seconds("SWEEP_EVERY_SECONDS", "time between these calls", default=30.0)
    sweep_timeout: float = seconds("SWEEP_TIMEOUT_SECONDS", "maximum time of such a call", default=300.0)
    health_port: int = integer("CONNECTOR_HEALTH_PORT", "port of /_/health; 0 for none", default=0, maximum=65_535)
    host: str = text("HOST", "address to listen on", default="0.0.0.0")  # noqa: S104 - probes come from other hosts
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = choice(
        "LOG_LEVEL", "lowest level that is logged", "DEBUG", "INFO", "WARNING", "ERROR", default="INFO"
    )


class Queue(NamedTuple):
    """A queue, and how its messages are delivered."""

    name: str
    url: str
    parallelism: int
    prefetch: int


def queues(settings: Connector) -> list[Queue]:
    """Return the queues in the settings.

    Raises ConfigError, which names the malformed setting.
    """
    sinks = _sinks(settings.sinks)
    parallelism = _numbers("CONNECTOR_PARALLELISM", settings.parallelism, sinks, maximum=1000)
    prefetch = _numbers("CONNECTOR_PREFETCH", settings.prefetch, sinks, maximum=65_535)
    found = []
    for name, target in sinks.items():
        calls = parallelism.get(name, 1)
        held = prefetch.get(name, calls)
        if held < calls:
            raise ConfigError(f"CONNECTOR_PREFETCH must not be below CONNECTOR_PARALLELISM (queue {name})")
        found.append(Queue(name, target, calls, held))
    return found


def _pairs(setting: str, value: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in value.split():
        name, equals, rest = item.partition("=")
        if not (name and equals and rest) or name in found:
            raise ConfigError(f"{setting} must name each queue once, as QUEUE=VALUE, with spaces between")
        found[name] = rest
    return found


def _sinks(value: str) -> dict[str, str]:
    sinks = _pairs("CONNECTOR_SINKS", value)
    if not sinks or not all(_is_http(target) for target in sinks.values()):
        raise ConfigError("CONNECTOR_SINKS must give each queue a URL that begins with http:// or https://")
    return sinks


def _is_http(target: str) -> bool:
    try:
        parts = urlsplit(target)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _numbers(setting: str, value: str, sinks: dict[str, str], maximum: int) -> dict[str, int]:
    pairs = dict.fromkeys(sinks, value) if value.isdecimal() else _pairs(setting, value)
    if unknown := pairs.keys() - sinks.keys():
        raise ConfigError(f"{setting} names queues that CONNECTOR_SINKS does not: {' '.join(sorted(unknown))}")
    if not all(number.isdecimal() and 1 <= int(number) <= maximum for number in pairs.values()):
        raise ConfigError(f"{setting} must be whole numbers from 1 to {maximum}")
    return {name: int(number) for name, number in pairs.items()}
