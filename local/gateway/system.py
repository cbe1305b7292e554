"""OpenFaaS's gateway API, answered from stack.yml and the running processes."""

import json
import os
import platform
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from local import stack_file
from local.gateway import logs
from local.gateway.functions import Function, observe

NAMESPACE = "openfaas-fn"
FOR_A_CLUSTER = "This command is for a cluster: here, ./local/up runs the functions of stack.yml."
SECRETS = "This command is for a cluster: here, ./local/up makes the secrets."
ASYNCHRONOUS = (
    "Asynchronous calls need OpenFaaS's queue worker. Call without --async: upload answers once the video is safe, and "
    "the rest runs in the background."
)
LOG_QUERY = "tail must be a whole number, and since a time with its zone, such as 2026-05-01T12:00:00Z."
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
CHUNK_BYTES = 64 * 1024
MOST_CHUNKS = 2**31 // CHUNK_BYTES  # the largest video


def build() -> Flask:
    """Return the app; its settings come from the environment."""
    urls: dict[str, str] = json.loads(os.environ["FUNCTION_URLS"])
    log_folder = Path(os.environ["LOG_FOLDER"])
    token = Path(os.environ["METRICS_TOKEN_FILE"]).read_text()
    started_at = os.environ["STARTED_AT"]
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined] # the default provider has it

    def statuses(wanted: dict[str, str]) -> list[dict[str, Any]]:
        return [_status(function, started_at) for function in observe(wanted, token)]

    @app.get("/healthz")
    def health() -> Response:
        return jsonify(status="ok")

    @app.get("/system/functions")
    def functions() -> Response:
        asked = request.args.get("namespace", "")
        return jsonify(statuses(urls) if asked in ("", NAMESPACE) else [])

    @app.get("/system/function/<name>")
    def function(name: str) -> ResponseReturnValue:
        name = name.removesuffix(f".{NAMESPACE}")
        if name not in urls:
            return _unknown(name)
        return jsonify(statuses({name: urls[name]})[0])

    @app.get("/system/logs")
    def log() -> ResponseReturnValue:
        name = request.args.get("name", "").removesuffix(f".{NAMESPACE}")
        file = log_folder / f"{name}.log"
        if name not in urls or request.args.get("namespace", "") not in ("", NAMESPACE):
            return _unknown(name)
        if not file.exists():
            return _problem(404, "not_found", f"There is no log of {name} yet.")
        try:
            asked = logs.Asked.of(request.args)
        except ValueError:
            return _problem(422, "invalid_query", LOG_QUERY)
        labels = {"name": name, "namespace": NAMESPACE, "instance": name}
        return Response(logs.messages(file, labels, asked), mimetype="application/x-ndjson")

    @app.route("/system/secrets", methods=METHODS)
    def secrets() -> ResponseReturnValue:
        return _problem(501, "not_implemented", SECRETS)

    @app.route("/async-function/<path:name>", methods=METHODS)
    def asynchronous(name: str) -> ResponseReturnValue:
        # A client reads no answer before it has sent everything.
        for _ in range(MOST_CHUNKS):
            if not request.stream.read(CHUNK_BYTES):
                break
        return _problem(501, "not_implemented", ASYNCHRONOUS)

    @app.get("/system/info")
    def info() -> Response:
        version = {"release": "local", "sha": "", "commit_message": ""}
        provider = {"provider": "local", "orchestration": "supervisor", "version": version}
        return jsonify(provider=provider, version=version, arch=platform.machine())

    @app.get("/system/namespaces")
    def namespaces() -> Response:
        return jsonify([NAMESPACE])

    @app.get("/")
    def listing() -> Response:
        lines = [f"{request.host_url}{name}" for name in urls if not stack_file.takes_events(name)]
        return Response("\n".join(["The functions of this system:", *lines, ""]), mimetype="text/plain")

    @app.errorhandler(405)
    @app.errorhandler(404)
    def unknown(error: Exception) -> ResponseReturnValue:
        if request.method == "GET" and not request.path.startswith("/system/"):
            return _problem(404, "not_found", "Not found.")
        return _problem(501, "not_implemented", FOR_A_CLUSTER)

    return app


def _status(function: Function, started_at: str) -> dict[str, Any]:
    entry = stack_file.functions().get(function.name, {})
    return {
        "name": function.name,
        "image": entry.get("image", ""),
        "namespace": NAMESPACE,
        "envProcess": "",
        "envVars": entry.get("environment", {}),
        "constraints": [],
        "secrets": entry.get("secrets", []),
        "labels": entry.get("labels", {}),
        "annotations": entry.get("annotations", {}),
        "invocationCount": function.requests,
        "replicas": 1,
        "availableReplicas": int(function.healthy),
        "createdAt": started_at,
    }


def _unknown(name: str) -> ResponseReturnValue:
    return _problem(404, "not_found", f"There is no function named {name}.")


def _problem(status: int, code: str, title: str) -> ResponseReturnValue:
    # OpenFaaS's clients name no type that they accept, and show a body as it is.
    if not request.accept_mimetypes:
        return Response(title, status, mimetype="text/plain")
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "code": code})
    return Response(body, status, mimetype="application/problem+json")
