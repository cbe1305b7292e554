"""The gateway's two processes: caddy, and the app that answers /system."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from local import stack_file
from local.home import ROOT, Home
from local.ports import HOST
from local.processes.program import EDGE, Program
from local.secret_files import SecretFiles
from local.web import answers

DOCUMENTING = "jobs"  # answers with the document of the API
CADDYFILE = ROOT / "local" / "gateway" / "Caddyfile"


def gateway_url(ports: dict[str, int]) -> str:
    """Return the gateway's URL."""
    return f"http://{HOST}:{ports['gateway']}"


def caddy(home: Home, ports: dict[str, int], functions: dict[str, str]) -> Program:
    """Return caddy, which routes to the functions that people call."""
    routes = [f"import function {name} {ports[name]}" for name in functions if not stack_file.takes_events(name)]
    return Program(
        "gateway",
        EDGE,
        ["caddy", "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"],
        lambda: answers(f"{gateway_url(ports)}/healthz"),
        {
            "GATEWAY_PORT": str(ports["gateway"]),
            "SYSTEM_PORT": str(ports["system"]),
            "DOCUMENT_PORT": str(ports[DOCUMENTING]),
            "ROUTES": "\n".join(routes),
            # otherwise caddy writes to the user's own home
            "XDG_CONFIG_HOME": str(home.user_home / "config"),
            "XDG_DATA_HOME": str(home.user_home / "data"),
        },
    )


def system(home: Home, ports: dict[str, int], functions: dict[str, str], secrets: SecretFiles) -> Program:
    """Return the app that answers faas-cli."""
    return Program(
        "system",
        EDGE,
        [
            str(Path(sys.executable).parent / "gunicorn"),
            "--bind",
            f"{HOST}:{ports['system']}",
            "--worker-class=gthread",
            # each client that follows a log keeps one
            "--threads=16",
            # what is left then follows a log, and need not end
            "--graceful-timeout=2",
            "--log-level=warning",
            "--no-control-socket",
            "local.gateway.system:build()",
        ],
        lambda: answers(f"http://{HOST}:{ports['system']}/healthz"),
        {
            "FUNCTION_URLS": json.dumps(functions),
            "LOG_FOLDER": str(home.log),
            "METRICS_TOKEN_FILE": str(secrets.path("metrics_token")),
            "STARTED_AT": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )
