"""The functions and the connector as processes: the settings and secrets of each."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local import setting_names, stack_file, version
from local.backends import mysql, rabbitmq
from local.backends.backend import Backend
from local.gateway.process import gateway_url
from local.home import ROOT
from local.ports import HOST
from local.processes.program import EDGE, Program
from local.secret_files import SecretFiles
from local.web import answers

# No platform limits the length of requests here, so conversions may take longer.
LOCAL_SETTINGS = {
    "CONVERT_TIMEOUT_SECONDS": "3600",
    "GRACEFUL_TIMEOUT_SECONDS": "20",
    "TRUSTED_PROXIES": "1",  # the gateway replaces what clients send
}
STOP_SECONDS = 25  # slightly above the graceful time-out, after which gunicorn ends requests itself
PARALLELISM = "videos=2 mp3s=4"
# Secrets with another local name: the private broker has a user for each task, the private MongoDB has none.
RENAMED = {"rabbitmq-url": "rabbitmq_functions_url", "mongodb-reader-url": "mongodb_url"}


@dataclass(frozen=True)
class ServiceContext:
    """What all services of one local system share."""

    ports: dict[str, int]
    secrets: SecretFiles
    environ: Mapping[str, str]  # settings that the user exported
    settings: Mapping[str, str]  # settings that override everything else

    def chosen(self, names: Iterable[str]) -> dict[str, str]:
        """Return the named settings that were exported, and the overrides."""
        exported = {name: self.environ[name] for name in names if name in self.environ}
        return {**exported, **self.settings}


def urls(ports: dict[str, int]) -> dict[str, str]:
    """Return each function's URL by name; a function added since the last start has none yet."""
    return {name: f"http://{HOST}:{ports[name]}" for name in stack_file.functions() if name in ports}


def secret_files(name: str) -> dict[str, str]:
    """Return the local secret file for each setting of a function that names a file."""
    files = {setting: file for setting, file in stack_file.settings(name).items() if setting.endswith("_FILE")}
    secrets = {setting: file.rpartition("/")[2] for setting, file in files.items()}
    return {setting: RENAMED.get(secret, secret.replace("-", "_")) for setting, secret in secrets.items()}


def write_urls(secrets: SecretFiles, ports: dict[str, int], backends: dict[str, Backend]) -> None:
    """Write the URLs that contain passwords to secret files; private servers have a user for each task."""
    for name, backend in backends.items():
        secrets.write(f"{name}_url", backend.url)
    for user in ("functions", "connector", "operator"):
        private = backends["rabbitmq"].programs
        url = rabbitmq.user_url(user, ports, secrets) if private else backends["rabbitmq"].url
        secrets.write(f"rabbitmq_{user}_url", url)
    for user in mysql.USERS:
        private = backends["mysql"].programs
        url = mysql.user_url(user, ports["mysql"], secrets) if private else backends["mysql"].url
        secrets.write(f"mysql_{user}_url", url)


def operator(context: ServiceContext) -> dict[str, str]:
    """Return the settings of ./local/jobs: those of sweep, with its own user on the broker."""
    secrets = context.secrets
    return {
        "MONGODB_URL_FILE": str(secrets.path("mongodb_url")),
        "RABBITMQ_URL_FILE": str(secrets.path("rabbitmq_operator_url")),
        **LOCAL_SETTINGS,
        **context.chosen(setting_names.exportable()),
    }


def programs(context: ServiceContext) -> list[Program]:
    """Return the processes of all functions and of the connector."""
    functions = [_function(name, url, context) for name, url in urls(context.ports).items()]
    return [*functions, _connector(context)]


def _function(name: str, url: str, context: ServiceContext) -> Program:
    files = {setting: str(context.secrets.path(file)) for setting, file in secret_files(name).items()}
    threads = {setting: value for setting, value in stack_file.settings(name).items() if setting == "THREADS"}
    environment = {
        "FUNCTION_TARGET": name,
        "MALLOC_ARENA_MAX": "2",  # as in the images
        "VERSION": version.own(),
        "HOST": HOST,
        "PORT": str(context.ports[name]),
        "PUBLIC_URL": f"{gateway_url(context.ports)}/{{function}}",
        **threads,
        **files,
        **LOCAL_SETTINGS,
        **context.chosen(setting_names.exportable()),
    }
    command = [str(_venv("gunicorn")), "-c", str(ROOT / "functions" / "gunicorn.conf.py")]
    return Program(name, EDGE, command, lambda: answers(f"{url}/_/health"), environment, STOP_SECONDS)


def _connector(context: ServiceContext) -> Program:
    functions = urls(context.ports)
    environment = {
        "HOST": HOST,
        "RABBITMQ_URL_FILE": str(context.secrets.path("rabbitmq_connector_url")),
        "EVENT_TOKEN_FILE": str(context.secrets.path("event_token")),
        "CONNECTOR_SINKS": f"videos={functions['convert']}/ mp3s={functions['notify']}/",
        "CONNECTOR_PARALLELISM": PARALLELISM,
        "CONNECTOR_GRACE_SECONDS": LOCAL_SETTINGS["GRACEFUL_TIMEOUT_SECONDS"],
        "CONNECTOR_HEALTH_PORT": str(context.ports["connector"]),
        "SWEEP_URL": f"{functions['sweep']}/",
        **context.chosen(["SWEEP_EVERY_SECONDS", "LOG_LEVEL"]),
    }
    healthy = f"http://{HOST}:{context.ports['connector']}/_/health"
    command = [sys.executable, "-m", "functions.connector"]
    return Program("connector", EDGE, command, lambda: answers(healthy), environment, STOP_SECONDS)


def _venv(program: str) -> Path:
    return Path(sys.executable).parent / program
