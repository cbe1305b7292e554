"""The settings that a function reads, those it is given, and their effective values."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from functions.common import config, settings
from tests import declared
from tests.manifests.building import ROOT
from tests.manifests.objects import Object, container, jobs, label, of_kind, services

_SET_BY_IMAGE = {"FUNCTION_TARGET", "PORT", "HOST"}


def errors(items: list[Object]) -> list[str]:
    """Return settings that no function reads, that are missing, or that need not be given."""
    read = [(item, settings_of(item["metadata"]["name"])) for item in services(items)]
    # The program of a Job reads the URL of the tables, and nothing else.
    read += [(item, {each.name: each for each in settings.Database.table.values()}) for item in jobs(items)]
    return [f"{label(item)}: {text}" for item, found in read for text in _given(item, found, items)]


def _given(item: Object, read: Mapping[str, config.Setting], items: list[Object]) -> Iterator[str]:
    files = {f"{name}_FILE" for name, setting in read.items() if setting.secret}
    given = environment(item, items)
    known = read.keys() | files | declared.of_the_server().keys()
    yield from (f"{name} is not a setting that it reads" for name in sorted(given.keys() - known))
    yield from (
        f"{name} is a secret and belongs in a file" for name in sorted(given) if name in read and read[name].secret
    )
    for name, setting in read.items():
        if setting.default is config.REQUIRED and not {name, f"{name}_FILE"} & given.keys() | ({name} & _SET_BY_IMAGE):
            yield f"{name} is required"
    yield from (f"{name} repeats the default" for name in declared.repeated(given))


def effective(function: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Return a function's effective values: those given, else the defaults; for secrets, their files."""
    found: dict[str, Any] = {name: given.get(name, default) for name, default in declared.of_the_server().items()}
    for name, setting in settings_of(function).items():
        file = given.get(f"{name}_FILE")
        if setting.secret and file:
            found[f"{name}_FILE"] = file.rpartition("/")[2]
        elif not setting.secret and (name in given or setting.default is not config.REQUIRED):
            found[name] = setting.parse(given[name]) if name in given else setting.default
    return found


def environment(item: Object, items: list[Object]) -> dict[str, str]:
    """Return the variables of a Service's container, including those from ConfigMaps."""
    namespace = item["metadata"]["namespace"]
    maps = {
        entry["metadata"]["name"]: entry["data"]
        for entry in of_kind(items, "ConfigMap")
        if entry["metadata"]["namespace"] == namespace
    }
    part = container(item)
    found: dict[str, str] = {}
    for source in part.get("envFrom", []):
        found |= maps.get(source.get("configMapRef", {}).get("name"), {})
    return found | {variable["name"]: variable.get("value", "") for variable in part.get("env", [])}


@cache
def kinds(function: str) -> tuple[type[config.Settings], ...]:
    """Return the concerns whose settings a function loads as it starts."""
    tree = ast.parse((ROOT / "functions" / function / "main.py").read_text())
    names = [
        element.id
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SETTINGS"
        for element in getattr(node.value, "elts", ())
    ]
    return (settings.Serving, *(getattr(settings, name) for name in names))


@cache
def settings_of(function: str) -> dict[str, config.Setting]:
    """Return the settings that a function loads as it starts, by their names."""
    return {setting.name: setting for kind in kinds(function) for setting in kind.table.values()}
