"""Settings: read from the environment once, when a process starts, into frozen values.

A small reader of our own: the libraries for this import more than the function they would serve (cold start),
and none knows `NAME_FILE`, the form in which OpenFaaS and Kubernetes mount secrets.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

Concern = TypeVar("Concern", bound="Settings")

REQUIRED: Any = object()


class ConfigError(Exception):
    """Settings are missing or malformed; the message names them and never shows a value."""


class Setting(NamedTuple):
    """How one environment variable becomes a value."""

    name: str
    parse: Callable[[str], Any]
    default: Any
    meaning: str
    secret: bool = False


class Settings:
    """The settings of one concern, as its class declares them: values that never change.

    No dataclass: each would compile six methods of its own, and all concerns together a twentieth of a cold start.
    """

    table: ClassVar[dict[str, Setting]] = {}

    def __init_subclass__(cls) -> None:
        cls.table = cls.table | {name: value for name, value in vars(cls).items() if isinstance(value, Setting)}

    def __init__(self, *values: Any, **named: Any) -> None:
        given = dict(zip(self.table, values, strict=False)) | named
        if len(values) + len(named) != len(self.table) or given.keys() != self.table.keys():
            raise TypeError(f"{type(self).__name__} takes {', '.join(self.table)}")
        vars(self).update((name, given[name]) for name in self.table)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} does not change")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        # A secret stays out of it, and so out of every traceback and log line that shows one.
        shown = (f"{name}={value!r}" for name, value in vars(self).items() if not self.table[name].secret)
        return f"{type(self).__name__}({', '.join(shown)})"

    def but(self, **changes: Any) -> Self:
        """Return the same with other values for some."""
        return type(self)(**(vars(self) | changes))


def text(name: str, meaning: str, *, default: Any = REQUIRED) -> Any:
    """Declare a setting that is any text but the empty one."""
    return Setting(name, str, default, meaning)


def secret(
    name: str, meaning: str, *, default: Any = REQUIRED, minimum: int = 1, check: Callable[[str], None] | None = None
) -> Any:
    """Declare a secret of at least `minimum` bytes; `NAME_FILE` may name the file that holds it.

    `check` raises ValueError, with what the secret must be, for a malformed one.
    """

    def parse(value: str) -> str:
        if len(value.encode()) < minimum:
            raise ValueError(f"must hold at least {minimum} bytes")
        if check:
            check(value)
        return value

    return Setting(name, parse, default, meaning, secret=True)


def url(name: str, meaning: str, *schemes: str, default: Any = REQUIRED) -> Any:
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

    return Setting(name, parse, default, meaning, secret=True)


def integer(name: str, meaning: str, *, default: Any = REQUIRED, minimum: int = 0, maximum: int = 2**53) -> Any:
    """Declare a whole number from `minimum` to `maximum`."""
    return _number(name, meaning, int, "a whole number", default, minimum, maximum)


def seconds(name: str, meaning: str, *, default: Any = REQUIRED, minimum: float = 0.001) -> Any:
    """Declare a period in seconds; decimals are allowed."""
    return _number(name, meaning, float, "a number of seconds", default, minimum, 1e9)


def days(name: str, meaning: str, *, default: Any = REQUIRED) -> Any:
    """Declare a period in days; decimals are allowed."""
    return _number(name, meaning, float, "a number of days", default, 0.00001, 36_500)


def choice(name: str, meaning: str, *allowed: str, default: Any = REQUIRED) -> Any:
    """Declare a setting that is one of a few words."""

    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"must be {', '.join(allowed[:-1])} or {allowed[-1]}")
        return value

    return Setting(name, parse, default, meaning)


def _number(name: str, meaning: str, kind: type, what: str, default: Any, minimum: float, maximum: float) -> Any:
    def parse(value: str) -> Any:
        try:
            number = kind(value)
        except ValueError:
            number = None
        if number is None or not minimum <= number <= maximum:
            raise ValueError(f"must be {what} from {minimum:g} to {maximum:g}")
        return number

    return Setting(name, parse, default, meaning)


def requires_tls(url: str, name: str) -> bool:
    """Return whether a URL's `tls` is "required", its default, or "none"; `name` is the setting that holds it.

    Raises ConfigError for any other word.
    """
    tls = parse_qs(urlsplit(url).query).get("tls", ["required"])[-1]
    if tls not in ("required", "none"):
        raise ConfigError(f"{name} takes tls=required or tls=none")
    return tls == "required"


def load(kind: type[Concern], environ: Mapping[str, str] = os.environ) -> Concern:
    """Read one concern's settings.

    Raises ConfigError, which names every setting that is missing or malformed.
    """
    values: dict[str, Any] = {}
    complaints: list[str] = []
    for name, setting in kind.table.items():
        try:
            values[name] = _read(setting, environ)
        except ValueError as error:
            complaints.append(f"{setting.name} {error}")
    if complaints:
        raise ConfigError("; ".join(complaints))
    return kind(**values)


class Loaded:
    """The settings that a function declares, each found by its class."""

    def __init__(self, kinds: Iterable[type[Settings]], environ: Mapping[str, str]) -> None:
        self._values: dict[type[Settings], Any] = {}
        complaints: list[str] = []
        for kind in kinds:
            try:
                self._values[kind] = load(kind, environ)
            except ConfigError as error:
                complaints.append(str(error))
        if complaints:
            raise ConfigError("; ".join(complaints))

    def __getitem__(self, kind: type[Concern]) -> Concern:
        found: Concern = self._values[kind]
        return found


def load_all(kinds: Iterable[type[Settings]], environ: Mapping[str, str] = os.environ) -> Loaded:
    """Read the settings that a function declares, those included that its libraries read again later.

    Raises ConfigError, which names every setting that is missing or malformed.
    """
    return Loaded(kinds, environ)


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
    if setting.default is REQUIRED:
        raise ValueError(f"is missing: {setting.meaning}")
    return setting.default
