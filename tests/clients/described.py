"""A client that holds each answer against the document of the API."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import jsonschema
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.clients.web import TIMEOUT_SECONDS, Answer

METHODS = ("get", "put", "post", "delete", "patch")
_EVENTS = "text/event-stream"


class Document:
    """An OpenAPI document: its operations, and whether values fit its schemas."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        resource = Resource.from_contents(content, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource("urn:api", resource)

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield the path, the method and the description of each operation."""
        for path, item in self.content["paths"].items():
            yield from ((path, method.upper(), item[method]) for method in METHODS if method in item)

    def methods_at(self, path: str) -> set[str]:
        """Return the methods at a path."""
        return {method for at, method, _ in self.operations() if at == path}

    def parameters(self, path: str, method: str) -> list[dict[str, Any]]:
        """Return what an operation takes beside its body."""
        item = self.content["paths"][path]
        every = item.get("parameters", []) + item[method.lower()].get("parameters", [])
        return [self.resolved(each) for each in every]

    def resolved(self, found: Any) -> Any:
        """Return what a reference within the document leads to, or what is no reference."""
        while "$ref" in found:
            place, found = found["$ref"], self.content
            for name in place.removeprefix("#/").split("/"):
                found = found[name.replace("~1", "/").replace("~0", "~")]
        return found

    def faults(self, value: Any, schema: Any) -> list[str]:
        """Return why a value does not fit a schema of the document."""
        absolute = json.loads(json.dumps(schema).replace('"$ref": "#/', '"$ref": "urn:api#/'))
        checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
        validator = jsonschema.Draft202012Validator(absolute, registry=self._registry, format_checker=checker)
        return [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(value)]


class Api:
    """The system at a gateway, as its document describes it; `called` has each operation and status that was seen."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self.document = Document(json.loads(self._ask("GET", "/openapi.json", {}, None).body))
        self.called: set[tuple[str, int]] = set()
        self._by_id = {found["operationId"]: (path, method) for path, method, found in self.document.operations()}

    def call(
        self,
        operation: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        **path: str,
    ) -> Answer:
        """Make the request of an operation; its answer must be as the document says, and the same to HEAD."""
        template, method = self._by_id[operation]
        target = template.format(**{name: quote(value, safe="") for name, value in path.items()})
        target += f"?{urlencode(query)}" if query else ""
        answer = self._ask(method, target, headers or {}, body)
        self.check(operation, answer)
        if method == "GET" and answer.headers.get_content_type() != _EVENTS:
            head = self._ask("HEAD", target, headers or {}, None)
            # HEAD has no ranges (RFC 9110 section 14.2)
            assert head.status == (200 if answer.status in (206, 416) else answer.status), (operation, head)
            assert head.body == b""
            if answer.status == 200:
                assert head.headers["Content-Type"] == answer.headers["Content-Type"], operation
                assert head.headers["ETag"] == answer.headers["ETag"], operation
        return answer

    def allowed(self, path: str) -> set[str]:
        """Return which methods a path says that it supports."""
        answer = self._ask("PROPFIND", path, {}, None)
        assert answer.status == 405, (path, answer)
        return set(answer.headers["Allow"].split(", "))

    def check(self, operation: str, answer: Answer) -> None:
        """Compare an answer with what the document says of its operation."""
        path, method = self._by_id[operation]
        said = self.document.content["paths"][path][method.lower()]["responses"]
        assert str(answer.status) in said, f"{operation} answers with {answer.status}: {answer}"
        response = self.document.resolved(said[str(answer.status)])
        for name, described in response.get("headers", {}).items():
            header = self.document.resolved(described)
            value = answer.headers[name]
            assert value is not None or not header.get("required"), f"{operation}, {answer.status}: no {name}"
            if value is not None:
                assert self.document.faults(value, header["schema"]) == [], (operation, name, value)
        content = response.get("content")
        if content is None:
            assert answer.body == b"", operation
        else:
            kind = answer.headers.get_content_type()
            assert kind in content, f"{operation} answers with {kind}: {answer}"
            if kind != _EVENTS:
                faults = self.document.faults(_value(kind, answer), content[kind]["schema"])
                assert faults == [], (operation, answer.status, faults)
        self.called.add((operation, answer.status))

    def _ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        parts = urlsplit(self._gateway)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, target, body=body, headers=dict(headers))
            response = connection.getresponse()
            # A stream of events may go on for minutes.
            endless = response.headers.get_content_type() == _EVENTS and method == "GET"
            content = response.readline() if endless else response.read()
            return Answer(response.status, response.headers, content)
        finally:
            connection.close()


def _value(kind: str, answer: Answer) -> Any:
    if "json" in kind:
        return answer.json()
    return answer.text if kind.startswith("text/") else answer.body.decode("latin-1")
