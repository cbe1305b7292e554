"""The gateway's processes: a route for each function that people call, and nothing written outside the home."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local.gateway import process
from local.home import Home
from local.secret_files import SecretFiles

PORTS = {"gateway": 8080, "system": 20001, "login": 20002, "convert": 20003, "download": 20004, "jobs": 20005}
FUNCTIONS = {name: f"http://127.0.0.1:{PORTS[name]}" for name in ("login", "convert", "download")}


def test_caddy_has_a_route_for_each_function_that_people_call(home: Home) -> None:
    found = process.caddy(home, PORTS, FUNCTIONS).environment
    assert found["ROUTES"].splitlines() == ["import function login 20002", "import function download 20004"]
    assert (found["GATEWAY_PORT"], found["SYSTEM_PORT"], found["DOCUMENT_PORT"]) == ("8080", "20001", "20005")


def test_the_caddyfile_uses_what_the_process_is_given(home: Home) -> None:
    program = process.caddy(home, PORTS, FUNCTIONS)
    assert program.command[program.command.index("--config") + 1] == str(process.CADDYFILE)
    text = process.CADDYFILE.read_text()
    assert all(f"{{${name}}}" in text for name in ("GATEWAY_PORT", "SYSTEM_PORT", "DOCUMENT_PORT", "ROUTES"))


def test_caddy_writes_to_the_home(home: Home) -> None:
    found = process.caddy(home, PORTS, FUNCTIONS).environment
    assert all(Path(found[name]).is_relative_to(home.path) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"))


def test_the_system_app_only_listens_on_the_loopback_interface(home: Home) -> None:
    """It gets the metrics' token as a file, and the folder of the logs."""
    secrets = SecretFiles(home)
    program = process.system(home, PORTS, FUNCTIONS, secrets)
    assert program.command[program.command.index("--bind") + 1] == "127.0.0.1:20001"
    assert json.loads(program.environment["FUNCTION_URLS"]) == FUNCTIONS
    assert program.environment["METRICS_TOKEN_FILE"] == str(secrets.path("metrics_token"))
    assert program.environment["LOG_FOLDER"] == str(home.log)
    started = datetime.fromisoformat(program.environment["STARTED_AT"])
    assert timedelta(0) <= datetime.now(UTC) - started < timedelta(minutes=5)
