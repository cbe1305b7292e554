"""Configuration: read settings from the environment when a process starts, into immutable objects.

No library is used: they import more than a whole function does (cold start), and none supports `NAME_FILE`, by which
OpenFaaS and Kubernetes pass secrets.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

_log = logging.getLogger(__name__)

SettingsT = TypeVar("SettingsT", bound="Settings")
_Stamps = list[tuple[int, ...]]

REQUIRED: Any = object()

_LEAST_DIFFERENT = 8  # of 25 million random secrets of 16 bytes in hexadecimal, one has fewer


class ConfigError(Exception):
    """Settings are missing or malformed; the message names them and never shows their values."""


class Setting(NamedTuple):
    """How an environment variable is parsed."""

    name: str
    parse: Callable[[str], Any]
    default: Any
    meaning: str
    secret: bool = False


class Settings:
    """A group of settings, which its class declares; its values cannot be changed.

    Not a dataclass: generating the methods of all groups would take a twentieth of a cold start.
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
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        # Without secrets, so that no traceback or log line shows one.
        shown = (f"{name}={value!r}" for name, value in vars(self).items() if not self.table[name].secret)
        return f"{type(self).__name__}({', '.join(shown)})"

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some values changed."""
        return type(self)(**(vars(self) | changes))


def text(name: str, meaning: str, *, default: Any = REQUIRED) -> Any:
    """Declare a text that is not empty."""
    return Setting(name, str, default, meaning)


def secret(
    name: str, meaning: str, *, default: Any = REQUIRED, minimum: int = 1, check: Callable[[str], None] | None = None
) -> Any:
    """Declare a secret of at least `minimum` bytes; `NAME_FILE` may name the file that contains it.

    One that must have many must not repeat a few characters either. `check` raises ValueError if the secret is
    malformed, with a message that says what it must be.
    """

    def parse(value: str) -> str:
        if len(value.encode()) < minimum:
            raise ValueError(f"must have at least {minimum} bytes")
        if minimum > 1 and len(set(value)) < _LEAST_DIFFERENT:
            raise ValueError(f"must be random, with at least {_LEAST_DIFFERENT} different characters")
        if check:
            check(value)
        return value

    return Setting(name, parse, default, meaning, secret=True)


def url(name: str, meaning: str, *schemes: str, default: Any = REQUIRED, several_hosts: bool = False) -> Any:
    """Declare a URL with one of the schemes; it is a secret because it may contain a password."""

    def parse(value: str) -> str:
        try:
            scheme, location = urlsplit(value)[:2]
            hosts = location.rpartition("@")[2].split(",") if several_hosts else [location]
            known = scheme in schemes and all(map(_is_host, hosts))
        except ValueError:
            known = False
        if not known:
            raise ValueError(f"must be a URL that begins with {' or '.join(f'{s}://' for s in schemes)}")
        return value

    return Setting(name, parse, default, meaning, secret=True)


def _is_host(location: str) -> bool:
    parts = urlsplit(f"//{location}")
    _ = parts.port
    return bool(parts.hostname)


def integer(name: str, meaning: str, *, default: Any = REQUIRED, minimum: int = 0, maximum: int = 2**53) -> Any:
    """Declare a whole number from `minimum` to `maximum`."""
    return _number(name, meaning, int, "a whole number", default, minimum, maximum)


def seconds(name: str, meaning: str, *, default: Any = REQUIRED, minimum: float = 0.001) -> Any:
    """Declare a period in seconds; it may have decimals."""
    return _number(name, meaning, float, "a number of seconds", default, minimum, 1e9)


def hours(name: str, meaning: str, *, default: Any = REQUIRED) -> Any:
    """Declare a period in hours; it may have decimals."""
    return _number(name, meaning, float, "a number of hours", default, 0.0001, 10_000)


def days(name: str, meaning: str, *, default: Any = REQUIRED) -> Any:
    """Declare a period in days; it may have decimals."""
    return _number(name, meaning, float, "a number of days", default, 0.00001, 36_500)


def choice(name: str, meaning: str, *allowed: str, default: Any = REQUIRED) -> Any:
    """Declare one of several words."""

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


def listed(name: str, meaning: str, read: Callable[[str], Any], *, default: Any = REQUIRED) -> Any:
    """Declare values that spaces or commas separate; `read` raises ValueError, and says what each must be."""

    def parse(value: str) -> tuple[Any, ...]:
        return tuple(map(read, value.replace(",", " ").split()))

    return Setting(name, parse, default, meaning)


def requires_tls(url: str, name: str) -> bool:
    """Return whether a URL's `tls` is "required", its default, or "none"; `name` is the setting that holds it.

    Raises ConfigError for any other word.
    """
    tls = parse_qs(urlsplit(url).query).get("tls", ["required"])[-1]
    if tls not in ("required", "none"):
        raise ConfigError(f"{name} takes tls=required or tls=none")
    return tls == "required"


def load(kind: type[SettingsT], environ: Mapping[str, str] = os.environ) -> SettingsT:
    """Read a group of settings.

    Raises ConfigError, which names every missing or malformed setting.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, setting in kind.table.items():
        try:
            values[name] = _read(setting, environ)
        except ValueError as error:
            problems.append(f"{setting.name} {error}")
    if problems:
        raise ConfigError("; ".join(problems))
    return kind(**values)


class Loaded:
    """The settings of a function, by their class; those in files are read again once a file was replaced.

    Keys change while functions run, and no request may fail for that.
    """

    def __init__(self, kinds: Iterable[type[Settings]], environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._files: dict[type[Settings], list[str]] = {}
        # with what was known of the files before they were read
        self._values: dict[type[Settings], tuple[_Stamps, Any]] = {}
        problems: list[str] = []
        for kind in kinds:
            self._files[kind] = _files(kind, environ)
            stamps = _stamps(self._files[kind])
            try:
                self._values[kind] = stamps, load(kind, environ)
            except ConfigError as error:
                problems.append(str(error))
        if problems:
            raise ConfigError("; ".join(problems))

    def __getitem__(self, kind: type[SettingsT]) -> SettingsT:
        found: SettingsT
        known, found = self._values[kind]
        if self._files[kind] and (stamps := _stamps(self._files[kind])) != known:
            found = self._read_again(kind, found)
            self._values[kind] = stamps, found
        return found

    def _read_again(self, kind: type[SettingsT], former: SettingsT) -> SettingsT:
        try:
            return load(kind, self._environ)
        except ConfigError as error:
            _log.error(
                "a file of settings was replaced, but its former content stays in use", extra={"cause": str(error)}
            )
            return former


def _files(kind: type[Settings], environ: Mapping[str, str]) -> list[str]:
    """Return the files that hold settings of a group."""
    names = [setting.name for setting in kind.table.values() if setting.secret]
    return [path for name in names if (path := environ.get(f"{name}_FILE"))]


def _stamps(files: list[str]) -> _Stamps:
    """Return what differs once one of these files is another, also behind a link as Kubernetes makes them."""
    return [_stamp(path) for path in files]


def _stamp(path: str) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size


def load_all(kinds: Iterable[type[Settings]], environ: Mapping[str, str] = os.environ) -> Loaded:
    """Read all settings that a function declares, also those that only backends read again later.

    Raises ConfigError, which names every missing or malformed setting.
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
