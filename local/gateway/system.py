"""OpenFaaS's gateway API, answered from stack.yml and the running processes."""

import json
import os
import platform
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from local import stack_file
from local.gateway.functions import Function, observe

NAMESPACE = "openfaas-fn"
NOT_DEPLOYABLE = "Functions cannot be deployed here: ./local/up runs those in stack.yml."


def build() -> Flask:
    """Return the app; its settings come from the environment."""
    urls: dict[str, str] = json.loads(os.environ["FUNCTION_URLS"])
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
            return _problem(404, "not_found", f"There is no function named {name}.")
        return jsonify(statuses({name: urls[name]})[0])

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
        return _problem(501, "not_implemented", NOT_DEPLOYABLE)

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


def _problem(status: int, code: str, title: str) -> ResponseReturnValue:
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "code": code})
    return Response(body, status, mimetype="application/problem+json")
