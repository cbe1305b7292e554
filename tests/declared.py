"""The settings that the code declares, and their defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from functions.common import config, settings
from functions.connector.settings import Connector

SERVER = Path(__file__).resolve().parent.parent / "functions" / "gunicorn.conf.py"


@cache
def everywhere() -> dict[str, config.Setting]:
    """Return every setting of every function and of the connector, by its name."""
    return {setting.name: setting for setting in Connector.table.values()} | of_the_functions()


@cache
def of_the_functions() -> dict[str, config.Setting]:
    """Return every setting of every function, by its name."""
    kinds = [kind for kind in vars(settings).values() if isinstance(kind, type) and issubclass(kind, config.Settings)]
    # JWT_PUBLIC_KEYS is required where tokens are checked and optional where they are signed; MYSQL_URL is required by
    # login and MONGODB_URL by all others, which do some of their work without the other one.
    kinds.sort(key=lambda kind: kind in (settings.Verifying, settings.Database, settings.Mongo))
    return {setting.name: setting for kind in kinds for setting in kind.table.values()}


@cache
def of_the_server() -> dict[str, str]:
    """Return what gunicorn's own settings file reads, with the defaults there."""
    return dict(re.findall(r"""environ\.get\(["']([A-Z_]+)["'], ["']([^"']*)["']\)""", SERVER.read_text()))


def repeated(given: Mapping[str, str]) -> list[str]:
    """Return the variables whose values are the defaults."""
    known, server = everywhere(), of_the_server()
    return [
        name
        for name, value in given.items()
        if value == server.get(name) or (name in known and _parsed(known[name], value) == known[name].default)
    ]


def _parsed(setting: config.Setting, value: str) -> Any:
    try:
        return setting.parse(value)
    except ValueError:
        return None
