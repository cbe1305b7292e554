"""OpenFaaS's gateway API: what faas-cli reads, and what cannot be done here."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from local import stack_file
from local.gateway import system
from tests.unit.local.gateway.conftest import TOKEN, FakeFunction

STARTED = "2026-05-01T12:00:00+00:00"
ANYTHING = {"Accept": "*/*"}


@pytest.fixture
def client(function: FakeFunction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A gateway in front of upload, which answers, and of sweep, which does not."""
    function.metrics = "http_requests_total 5.0\n"
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setenv("FUNCTION_URLS", json.dumps({"upload": function.url, "sweep": "http://127.0.0.1:1"}))
    monkeypatch.setenv("METRICS_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("LOG_FOLDER", str(tmp_path))
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
    answer = client.get(f"/system/function/{name}", headers=ANYTHING)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")  # type: ignore[index]
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "title"),
    [
        ("POST", "/system/functions", system.FOR_A_CLUSTER),
        ("PUT", "/system/functions", system.FOR_A_CLUSTER),
        ("DELETE", "/system/functions", system.FOR_A_CLUSTER),
        ("POST", "/system/scale-function/upload", system.FOR_A_CLUSTER),
        ("POST", "/system/namespace/", system.FOR_A_CLUSTER),
        ("DELETE", "/system/function/upload", system.FOR_A_CLUSTER),
        ("POST", "/other", system.FOR_A_CLUSTER),
        ("GET", "/system/secrets", system.SECRETS),
        ("POST", "/system/secrets", system.SECRETS),
        ("PUT", "/system/secrets", system.SECRETS),
        ("DELETE", "/system/secrets", system.SECRETS),
        ("POST", "/async-function/upload", system.ASYNCHRONOUS),
        ("GET", "/async-function/upload.openfaas-fn", system.ASYNCHRONOUS),
    ],
)
def test_what_needs_a_cluster_says_so(method: str, path: str, title: str, client: FlaskClient) -> None:
    """OpenFaaS's clients show the whole body, and do not name types that they accept."""
    answer = client.open(path, method=method, headers=ANYTHING)
    assert (answer.status_code, answer.content_type) == (501, "application/problem+json")
    assert answer.json["title"] == title  # type: ignore[index]
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.mimetype, answer.text) == (501, "text/plain", title)


def test_an_asynchronous_call_is_read_to_its_end(client: FlaskClient) -> None:
    body = io.BytesIO(bytes(3 * system.CHUNK_BYTES + 1))
    client.post("/async-function/upload", input_stream=body, content_length=len(body.getvalue()))
    assert body.read() == b""


def test_a_log_is_lines_of_json(client: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "upload.log").write_text('{"time": "2026-05-01T12:00:00.250Z", "message": "hello"}\n')
    for name in ("upload", "upload.openfaas-fn", "upload&namespace=openfaas-fn&follow=false&tail=-1"):
        answer = client.get(f"/system/logs?name={name}")
        assert (answer.status_code, answer.mimetype) == (200, "application/x-ndjson")
        assert json.loads(answer.text) == {
            "name": "upload",
            "namespace": "openfaas-fn",
            "instance": "upload",
            "timestamp": "2026-05-01T12:00:00.250000+00:00",
            "text": '{"time": "2026-05-01T12:00:00.250Z", "message": "hello"}',
        }


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("", "There is no function named ."),
        ("?name=token", "There is no function named token."),
        ("?name=../upload", "There is no function named ../upload."),
        ("?name=upload&namespace=other", "There is no function named upload."),
        ("?name=sweep", "There is no log of sweep yet."),
    ],
)
def test_a_log_that_is_not_there(query: str, title: str, client: FlaskClient, tmp_path: Path) -> None:
    for name in ("token", "upload"):
        (tmp_path / f"{name}.log").write_text("secret\n")
    answer = client.get(f"/system/logs{query}")
    assert (answer.status_code, answer.text) == (404, title)


@pytest.mark.parametrize("query", ["tail=x", "tail=1.5", "since=yesterday", "since=2026-05-01T12:00:00"])
def test_a_wrong_query_of_a_log_is_refused(query: str, client: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "upload.log").write_text("hello\n")
    answer = client.get(f"/system/logs?name=upload&{query}")
    assert (answer.status_code, answer.text) == (422, system.LOG_QUERY)


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
