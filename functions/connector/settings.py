"""The connector's settings, and the queues that they name."""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from functions.common.config import ConfigError, Settings, choice, integer, seconds, text, url


class Connector(Settings):
    """How queues become calls."""

    sinks: str = text(
        "CONNECTOR_SINKS", "the URL of each queue's function, such as 'videos=http://HOST/ mp3s=http://HOST/'"
    )
    parallelism: str = text(
        "CONNECTOR_PARALLELISM", "calls at once, for all queues or QUEUE=NUMBER for each", default="1"
    )
    prefetch: str = text(
        "CONNECTOR_PREFETCH", "messages held at once, likewise; the parallelism without it", default=""
    )
    retry: int = integer("CONNECTOR_RETRY", "calls after the first one, if a try may help", default=5, maximum=1000)
    backoff: float = seconds("CONNECTOR_BACKOFF_SECONDS", "what the waits between them grow from", default=1.0)
    policy: Literal["exponential", "linear"] = choice(
        "CONNECTOR_BACKOFF_POLICY", "how they grow", "exponential", "linear", default="exponential"
    )
    call_timeout: float = seconds(
        "CONNECTOR_CALL_TIMEOUT_SECONDS",
        "how long an answer may take; 0 for no limit of ours",
        default=0.0,
        minimum=0.0,
    )
    grace: float = seconds("CONNECTOR_GRACE_SECONDS", "how long calls may take to end after SIGTERM", default=600.0)
    sweep_url: str = url("SWEEP_URL", "what the timer calls; no timer without it", "http", "https", default="")
    sweep_every: float = seconds("SWEEP_EVERY_SECONDS", "how often", default=30.0)
    sweep_timeout: float = seconds("SWEEP_TIMEOUT_SECONDS", "how long such a call may take", default=300.0)
    health_port: int = integer(
        "CONNECTOR_HEALTH_PORT", "where /_/health is; nowhere without it", default=0, maximum=65_535
    )
    host: str = text("HOST", "the address to listen on", default="0.0.0.0")  # noqa: S104 - a probe comes from outside
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = choice(
        "LOG_LEVEL", "the least level that is logged", "DEBUG", "INFO", "WARNING", "ERROR", default="INFO"
    )


class Queue(NamedTuple):
    """A queue and where its messages go."""

    name: str
    url: str
    parallelism: int
    prefetch: int


def queues(settings: Connector) -> list[Queue]:
    """Read the queues from the settings that speak of all of them.

    Raises ConfigError, which names the setting that is malformed.
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
