"""The plan of a local system: its ports, secrets, backends and processes, decided before anything starts."""

from collections.abc import Mapping
from dataclasses import dataclass

from local import ports, services
from local.backends import mongodb, mysql, rabbitmq
from local.backends.backend import Backend, given_url
from local.gateway import process as gateway
from local.home import Home
from local.mailbox import process as mailbox
from local.processes import configuration, leftovers
from local.processes.program import Program
from local.secret_files import SecretFiles


@dataclass(frozen=True)
class Plan:
    """A local system that is not started yet."""

    home: Home
    ports: dict[str, int]
    secrets: SecretFiles
    backends: dict[str, Backend]
    programs: dict[str, Program]

    @property
    def gateway(self) -> str:
        """Return the gateway's URL."""
        return gateway.gateway_url(self.ports)

    @property
    def functions(self) -> dict[str, str]:
        """Return each function's own URL."""
        return services.urls(self.ports)

    @property
    def mailbox(self) -> str | None:
        """Return the mailbox's URL, or None if a relay takes the mails."""
        return mailbox.mailbox_url(self.ports) if self.backends["smtp"].programs else None


def make(
    home: Home,
    *,
    gateway_port: int | None,
    environ: Mapping[str, str],
    settings: Mapping[str, str] | None = None,
    among: range = ports.ALL,
) -> Plan:
    """Plan a system that is not running, and write the files that its processes read.

    `environ` may name backends to use instead of private ones, and settings of the functions; `settings` override
    everything. Ports are chosen `among` these. Processes that a killed run left behind are ended first, because they
    hold the remembered ports.
    """
    home.make()
    leftovers.stop(home)
    home.empty_tmp()
    chosen = ports.assign(home, gateway_port, among)
    secrets = SecretFiles(home)
    secrets.make()
    plan = _planned(home, chosen, secrets, environ, settings or {})
    services.write_urls(secrets, chosen, plan.backends)
    configuration.write(home, list(plan.programs.values()))
    return plan


def _planned(
    home: Home, chosen: dict[str, int], secrets: SecretFiles, environ: Mapping[str, str], settings: Mapping[str, str]
) -> Plan:
    backends = _backends(home, chosen, secrets, environ, int(settings.get("RABBITMQ_HEARTBEAT_SECONDS", "60")))
    functions = services.urls(chosen)
    context = services.ServiceContext(chosen, secrets, environ, settings)
    configuration.write_operator(home, services.operator(context))
    programs = [
        *(program for backend in backends.values() for program in backend.programs),
        *services.programs(context),
        gateway.system(home, chosen, functions, secrets),
        gateway.caddy(home, chosen, functions),
    ]
    return Plan(home, chosen, secrets, backends, {program.name: program for program in programs})


def _backends(
    home: Home, chosen: dict[str, int], secrets: SecretFiles, environ: Mapping[str, str], heartbeat_seconds: int
) -> dict[str, Backend]:
    mysql_url, mongodb_url = given_url(environ, "MYSQL_URL"), given_url(environ, "MONGODB_URL")
    rabbitmq_url, smtp_url = given_url(environ, "RABBITMQ_URL"), given_url(environ, "SMTP_URL")
    found = [
        mysql.external(mysql_url) if mysql_url else mysql.private(home, chosen["mysql"], secrets),
        mongodb.external(mongodb_url) if mongodb_url else mongodb.private(home, chosen["mongodb"]),
        rabbitmq.external(rabbitmq_url)
        if rabbitmq_url
        else rabbitmq.private(home, chosen, secrets, heartbeat_seconds=heartbeat_seconds),
        mailbox.external(smtp_url) if smtp_url else mailbox.private(home, chosen),
    ]
    return {backend.name: backend for backend in found}
