"""Helpers for Kubernetes objects: kinds, names, and pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]
Key = tuple[str, str, str]  # kind with its group, namespace, name


def kind(item: Object) -> str:
    """Return a kind with its group."""
    group, slash, _ = item["apiVersion"].partition("/")
    return f"{item['kind']}.{group}" if slash else str(item["kind"])


def key(item: Object) -> Key:
    """Return an object's unique key."""
    metadata = item["metadata"]
    return kind(item), metadata.get("namespace", ""), metadata["name"]


def label(item: Object) -> str:
    """Return an object's name for error messages."""
    return f"{kind(item).partition('.')[0]} {item['metadata'].get('name', '?')}"


def of_kind(items: list[Object], wanted: str) -> list[Object]:
    """Return the objects of one kind."""
    return [item for item in items if kind(item) == wanted]


def services(items: list[Object]) -> list[Object]:
    """Return the Knative Services."""
    return of_kind(items, "Service.serving.knative.dev")


def jobs(items: list[Object]) -> list[Object]:
    """Return the Jobs."""
    return of_kind(items, "Job.batch")


def one(items: list[Object], wanted: str, name: str) -> Object:
    """Return an object by kind and name."""
    (found,) = [item for item in of_kind(items, wanted) if item["metadata"]["name"] == name]
    return found


def pods(items: list[Object]) -> Iterator[tuple[Object, Object]]:
    """Yield every object that creates pods, with its pod template."""
    for item in items:
        if "template" in item.get("spec", {}):
            yield item, item["spec"]["template"]


def container(item: Object) -> Object:
    """Return the container of an object that creates pods."""
    found: Object = item["spec"]["template"]["spec"]["containers"][0]
    return found
