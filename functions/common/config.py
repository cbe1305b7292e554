"""Settings: read from the environment once, when a process starts, into frozen values.

A small reader of our own: the libraries for this import more than the function they would serve (cold start),
and none knows `NAME_FILE`, the form in which OpenFaaS and Kubernetes mount secrets.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

Settings = TypeVar("Settings")

_REQUIRED: Any = object()


class ConfigError(Exception):
    """Settings are missing or malformed; the message names them and never shows a value."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """How one environment variable becomes a value."""

    name: str
    parse: Callable[[str], Any]
    default: Any
    meaning: str
    secret: bool = False


def _field(setting: Setting) -> Any:
    # A secret stays out of the representation, and so out of every traceback and log line that shows one.
    return dataclasses.field(metadata={"setting": setting}, repr=not setting.secret)


def text(name: str, meaning: str, *, default: Any = _REQUIRED) -> Any:
    """Declare a setting that is any text but the empty one."""
    return _field(Setting(name, str, default, meaning))


def secret(
    name: str, meaning: str, *, default: Any = _REQUIRED, least: int = 1, check: Callable[[str], None] | None = None
) -> Any:
    """Declare a secret of at least `least` bytes; `NAME_FILE` may name the file that holds it.

    `check` raises ValueError, with what the secret must be, for a malformed one.
    """

    def parse(value: str) -> str:
        if len(value.encode()) < least:
            raise ValueError(f"must hold at least {least} bytes")
        if check:
            check(value)
        return value

    return _field(Setting(name, parse, default, meaning, secret=True))


def url(name: str, meaning: str, *schemes: str, default: Any = _REQUIRED) -> Any:
    """Declare a URL with one of the schemes; a secret, for it may carry a password."""

    def parse(value: str) -> str:
        try:
            parts = urlsplit(value)
            known = parts.scheme in schemes and bool(parts.hostname)
            _ = parts.port
        except ValueError:
            known = False
        if not known:
            raise ValueError(f"must be a URL that begins with {' or '.join(f'{s}://' for s in schemes)}")
        return value

    return _field(Setting(name, parse, default, meaning, secret=True))


def integer(name: str, meaning: str, *, default: Any = _REQUIRED, least: int = 0, most: int = 2**53) -> Any:
    """Declare a whole number from `least` to `most`."""
    return _number(name, meaning, int, "a whole number", default, least, most)


def seconds(name: str, meaning: str, *, default: Any = _REQUIRED, least: float = 0.001) -> Any:
    """Declare a period in seconds; decimals are allowed."""
    return _number(name, meaning, float, "a number of seconds", default, least, 1e9)


def days(name: str, meaning: str, *, default: Any = _REQUIRED) -> Any:
    """Declare a period in days; decimals are allowed."""
    return _number(name, meaning, float, "a number of days", default, 0.00001, 36_500)


def choice(name: str, meaning: str, *allowed: str, default: Any = _REQUIRED) -> Any:
    """Declare a setting that is one of a few words."""

    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"must be {', '.join(allowed[:-1])} or {allowed[-1]}")
        return value

    return _field(Setting(name, parse, default, meaning))


def _number(name: str, meaning: str, kind: type, what: str, default: Any, least: float, most: float) -> Any:
    def parse(value: str) -> Any:
        try:
            number = kind(value)
        except ValueError:
            number = None
        if number is None or not least <= number <= most:
            raise ValueError(f"must be {what} from {least:g} to {most:g}")
        return number

    return _field(Setting(name, parse, default, meaning))


def table(kind: type) -> list[Setting]:
    """Return the settings of a concern, in the order in which they were declared."""
    return [field.metadata["setting"] for field in dataclasses.fields(kind)]


def load(kind: type[Settings], environ: Mapping[str, str] = os.environ) -> Settings:
    """Read one concern's settings.

    Raises ConfigError, which names every setting that is missing or malformed.
    """
    values: dict[str, Any] = {}
    complaints: list[str] = []
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        setting: Setting = field.metadata["setting"]
        try:
            values[field.name] = _read(setting, environ)
        except ValueError as error:
            complaints.append(f"{setting.name} {error}")
    if complaints:
        raise ConfigError("; ".join(complaints))
    return kind(**values)


def _read(setting: Setting, environ: Mapping[str, str]) -> Any:
    value = environ.get(setting.name, "")
    path = environ.get(f"{setting.name}_FILE", "")
    if path and setting.secret:
        try:
            value = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise ValueError(f"cannot be read from the file that {setting.name}_FILE names") from None
    if value:
        return setting.parse(value)
    if setting.default is _REQUIRED:
        raise ValueError(f"is missing: {setting.meaning}")
    return setting.default
