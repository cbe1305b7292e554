"""RabbitMQ's topology in a cluster: the same exchanges, queues and bindings as in definitions.json."""

from __future__ import annotations

import json
from typing import Any

from tests.manifests.building import KNATIVE
from tests.manifests.objects import Object, of_kind

DEFINITIONS = KNATIVE / "base" / "definitions.json"
KINDS = {"vhosts": "Vhost", "exchanges": "Exchange", "queues": "Queue", "bindings": "Binding"}


def errors(items: list[Object]) -> list[str]:
    """Return the differences between the objects and definitions.json."""
    wanted = json.loads(DEFINITIONS.read_text())
    found = []
    for plural, kind in KINDS.items():
        here = {_text(entry) for entry in wanted[plural]}
        there = {_text(_definition(kind, item["spec"])) for item in of_kind(items, f"{kind}.rabbitmq.com")}
        found += [f"only definitions.json has the {kind} {text}" for text in sorted(here - there)]
        found += [f"only a manifest has the {kind} {text}" for text in sorted(there - here)]
    return found


def permissions(items: list[Object]) -> list[dict[str, str]]:
    """Return the permissions of RabbitMQ's users, in the format of definitions.json."""
    return [
        {"user": item["spec"]["userReference"]["name"], "vhost": item["spec"]["vhost"], **item["spec"]["permissions"]}
        for item in of_kind(items, "Permission.rabbitmq.com")
    ]


def _definition(kind: str, spec: Object) -> dict[str, Any]:
    if kind == "Vhost":
        return {"name": spec["name"]}
    arguments = spec.get("arguments", {})
    if kind == "Binding":
        return {
            "vhost": spec.get("vhost", "/"),
            "source": spec["source"],
            "destination": spec["destination"],
            "destination_type": spec["destinationType"],
            "routing_key": spec.get("routingKey", ""),
            "arguments": arguments,
        }
    found = {
        "vhost": spec.get("vhost", "/"),
        "name": spec["name"],
        "durable": spec.get("durable", False),
        "auto_delete": spec.get("autoDelete", False),
    }
    if kind == "Exchange":
        return {**found, "type": spec.get("type", "direct"), "arguments": arguments}
    return {**found, "arguments": {"x-queue-type": spec.get("type", "classic"), **arguments}}


def _text(entry: dict[str, Any]) -> str:
    return json.dumps(entry, sort_keys=True)
