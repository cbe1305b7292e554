"""./local/status: show what runs, where, and whether it is healthy."""

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from typing import Any

from local import account, ports, services, version
from local.backends import mongodb, mysql, rabbitmq
from local.backends.backend import Backend
from local.gateway.process import gateway_url
from local.home import Home
from local.mailbox import process as mailbox
from local.processes.supervisor import Supervisor
from local.secret_files import SecretFiles
from local.web import answers

BACKENDS = {
    "mysql": mysql.external,
    "mongodb": mongodb.external,
    "rabbitmq": rabbitmq.external,
    "smtp": mailbox.external,
}


def run(options: argparse.Namespace) -> int:
    """Print the status; exit with 0 only if everything is healthy."""
    status = gather(Home.default())
    print(json.dumps(status, indent=2) if options.json else _table(status))
    return 0 if status["healthy"] else 1


def gather(home: Home) -> dict[str, Any]:
    """Return the status of a home's system, as --json prints it."""
    known = ports.load(home)
    running = home.exists() and Supervisor(home).running()
    user = account.saved_user(home)
    backends = _backends(home) if known else []
    functions = services.urls(known) if known else {}
    checks = [backend.healthy for backend in backends]
    checks += [partial(answers, f"{url}/_/health") for url in functions.values()]
    if known:
        checks.append(partial(answers, f"{gateway_url(known)}/healthz"))
    with ThreadPoolExecutor(max_workers=16) as pool:
        healthy = list(pool.map(lambda check: running and check(), checks))
    return {
        "version": version.own(),
        "running": running,
        "healthy": running and all(healthy),
        "gateway": gateway_url(known) if known else None,
        "functions": {
            name: {"url": url, "healthy": ok}
            for (name, url), ok in zip(functions.items(), healthy[len(backends) :], strict=False)
        },
        "mailbox": _mailbox(known, backends),
        "user": asdict(user) if user else None,
        "backends": {
            backend.name: {**backend.describe(), "healthy": ok} for backend, ok in zip(backends, healthy, strict=False)
        },
    }


def _backends(home: Home) -> list[Backend]:
    secrets = SecretFiles(home)
    # A start that failed early has chosen ports, but has not written all URLs.
    written = {name: make for name, make in BACKENDS.items() if secrets.path(f"{name}_url").exists()}
    return [make(secrets.read(f"{name}_url")) for name, make in written.items()]


def _mailbox(known: dict[str, int], backends: list[Backend]) -> str | None:
    caught = any(b.name == "smtp" and b.describe()["port"] == known["smtp"] for b in backends)
    return mailbox.mailbox_url(known) if caught else None


def _table(status: dict[str, Any]) -> str:
    if not status["running"]:
        return "Not running. Start it with: ./local/up"
    rows = [(name, entry["url"], entry["healthy"]) for name, entry in status["functions"].items()]
    rows += [(name, entry["url"], entry["healthy"]) for name, entry in status["backends"].items()]
    gateway = f"{'':<6}{'gateway':<12}{status['gateway']}  version {status['version']}"
    lines = [f"{'ok' if healthy else 'DOWN':<6}{name:<12}{url}" for name, url, healthy in rows]
    user, mailbox_url = status["user"] or {"email": "none yet", "password": ""}, status["mailbox"] or "none"
    return "\n".join(
        [gateway, *lines, "", f"mailbox   {mailbox_url}", f"user      {user['email']}  {user['password']}"]
    )
