"""OpenFaaS's gateway API: what faas-cli reads, and what cannot be done here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from local import stack_file
from local.gateway import system
from tests.unit.local.gateway.conftest import TOKEN, FakeFunction

STARTED = "2026-05-01T12:00:00+00:00"


@pytest.fixture
def client(function: FakeFunction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A gateway in front of upload, which answers, and of sweep, which does not."""
    function.metrics = "http_requests_total 5.0\n"
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setenv("FUNCTION_URLS", json.dumps({"upload": function.url, "sweep": "http://127.0.0.1:1"}))
    monkeypatch.setenv("METRICS_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("STARTED_AT", STARTED)
    return system.build().test_client()


def read(client: FlaskClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.json


@pytest.mark.parametrize("query", ["", "?namespace=", "?namespace=openfaas-fn", "?namespace=openfaas-fn&usage=1"])
def test_functions_are_listed_with_their_state(query: str, client: FlaskClient) -> None:
    upload, sweep = read(client, f"/system/functions{query}")
    entry = stack_file.functions()["upload"]
    assert upload == {
        "name": "upload",
        "image": entry["image"],
        "namespace": "openfaas-fn",
        "envProcess": "",
        "envVars": entry["environment"],
        "constraints": [],
        "secrets": entry["secrets"],
        "labels": entry["labels"],
        "annotations": entry["annotations"],
        "invocationCount": 5,
        "replicas": 1,
        "availableReplicas": 1,
        "createdAt": STARTED,
    }
    assert (sweep["name"], sweep["availableReplicas"], sweep["invocationCount"]) == ("sweep", 0, 0)


def test_another_namespace_is_empty(client: FlaskClient) -> None:
    assert read(client, "/system/functions?namespace=other") == []
    assert read(client, "/system/namespaces") == ["openfaas-fn"]


@pytest.mark.parametrize("name", ["upload", "upload.openfaas-fn"])
def test_a_function_is_described(name: str, client: FlaskClient, function: FakeFunction) -> None:
    assert read(client, f"/system/function/{name}") == read(client, "/system/functions")[0]


@pytest.mark.parametrize("name", ["other", "upload.other", "upload.openfaas-fn.x", "openfaas-fn"])
def test_an_unknown_function_is_not_found(name: str, client: FlaskClient) -> None:
    answer = client.get(f"/system/function/{name}")
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")  # type: ignore[index]
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/system/functions"),
        ("PUT", "/system/functions"),
        ("DELETE", "/system/functions"),
        ("POST", "/system/scale-function/upload"),
        ("GET", "/system/secrets"),
        ("GET", "/system/logs"),
        ("DELETE", "/system/function/upload"),
        ("POST", "/other"),
    ],
)
def test_nothing_can_be_deployed(method: str, path: str, client: FlaskClient) -> None:
    """faas-cli shows the title."""
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.content_type) == (501, "application/problem+json")
    assert answer.json["title"] == system.NOT_DEPLOYABLE  # type: ignore[index]


def test_an_unknown_path_is_not_found(client: FlaskClient) -> None:
    assert client.get("/other").status_code == 404


def test_the_first_page_has_the_address_of_each_function(client: FlaskClient) -> None:
    answer = client.get("/", base_url="http://localhost:8080")
    assert answer.content_type.startswith("text/plain")
    assert answer.text.splitlines()[1:] == ["http://localhost:8080/upload"], "sweep is not for people"


def test_health_needs_no_function(client: FlaskClient, function: FakeFunction) -> None:
    assert read(client, "/healthz") == {"status": "ok"}
    assert read(client, "/system/info").keys() == {"provider", "version", "arch"}
    assert function.asked == []
