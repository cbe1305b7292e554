"""Strict schemas: an unknown field is an error here, although a cluster would only ignore it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

from tests.manifests.objects import Object, label
from tests.tools.crds import definitions

KUBERNETES = kubernetes_validate.latest_version()
_METADATA = {"name", "namespace", "labels", "annotations"}


def errors(items: list[Object]) -> list[str]:
    """Return the objects' violations of their schemas."""
    return [f"{label(item)}: {text}" for item in items for text in _errors(json.dumps(item))]


@cache
def _errors(text: str) -> list[str]:
    item = json.loads(text)
    found = [f"metadata.{field} is not a field we use" for field in item["metadata"].keys() - _METADATA]
    labels = {**item["metadata"].get("labels", {}), **item["metadata"].get("annotations", {})}
    found += [f"{name} must be a string" for name, value in labels.items() if not isinstance(value, str)]
    validator = _custom(item["apiVersion"], item["kind"])
    if validator:
        return found + [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(item)]
    try:
        kubernetes_validate.validate(item, KUBERNETES, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return [*found, f"no schema for {item['apiVersion']} {item['kind']}"]
    except kubernetes_validate.ValidationError as error:
        return [*found, f"{'.'.join(map(str, error.path))}: {error.message[:300]}"]
    return found


@cache
def _custom(version: str, kind: str) -> Any:
    return _definitions().get((version, kind))


@cache
def _definitions() -> dict[tuple[str, str], Any]:
    schemas = {}
    for file in definitions():
        definition = yaml.load(file.read_text(), yaml.CSafeLoader)["spec"]
        for version in definition["versions"]:
            if version["served"]:
                schema = _strict(version["schema"]["openAPIV3Schema"], top=True)
                name = f"{definition['group']}/{version['name']}"
                schemas[name, definition["names"]["kind"]] = jsonschema.Draft202012Validator(schema)
    return schemas


def _strict(schema: Any, *, top: bool = False) -> Any:
    """Return a CRD's schema as a JSON Schema without unknown fields."""
    if not isinstance(schema, dict):
        return schema
    strict = {name: value for name, value in schema.items() if name not in ("properties", "items", "format")}
    if "properties" in schema:
        strict["properties"] = {name: _strict(value) for name, value in schema["properties"].items()}
        if top:  # a CRD does not describe the common fields; _errors checks the metadata
            strict["properties"] |= {"metadata": {}, "apiVersion": {}, "kind": {}}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            strict.setdefault("additionalProperties", False)
    if "items" in schema:
        strict["items"] = _strict(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        strict["additionalProperties"] = _strict(schema["additionalProperties"])
    if schema.get("x-kubernetes-int-or-string"):
        strict.pop("type", None)
        strict["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if schema.get("nullable") and "type" in strict:
        strict["type"] = [strict["type"], "null"]
    return strict
