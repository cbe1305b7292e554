"""Functions and the connector as processes: which settings and secrets each gets, and what overrides what."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from local import services, setting_names, stack_file
from local.backends import mysql
from local.backends.backend import Backend
from local.processes.program import BACKENDS, Program
from local.secret_files import SecretFiles
from local.services import LOCAL_SETTINGS, ServiceContext

FUNCTIONS = stack_file.functions()
PORTS = {name: 20_000 + number for number, name in enumerate([*FUNCTIONS, "connector", "gateway", "rabbitmq", "mysql"])}
EVENT_FUNCTIONS = {"convert": "videos", "notify": "mp3s"}


def programs(
    secrets: SecretFiles, exported: dict[str, str] | None = None, **settings: str
) -> dict[str, dict[str, str]]:
    """Return the environment of each process."""
    found = services.programs(ServiceContext(PORTS, secrets, exported or {}, settings))
    return {program.name: program.environment for program in found}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_gets_its_own_address_and_secrets(name: str, secrets: SecretFiles) -> None:
    found = programs(secrets)[name]
    assert (found["FUNCTION_TARGET"], found["HOST"], found["PORT"]) == (name, "127.0.0.1", str(PORTS[name]))
    assert found["PUBLIC_URL"] == f"http://127.0.0.1:{PORTS['gateway']}/{{function}}"
    files = {setting for setting in found if setting.endswith("_FILE")}
    assert files == {setting for setting in stack_file.settings(name) if setting.endswith("_FILE")}
    assert all(Path(found[setting]).parent == secrets.folder for setting in files)


def test_only_login_can_sign_tokens(secrets: SecretFiles) -> None:
    assert {name for name, found in programs(secrets).items() if "JWT_PRIVATE_KEY_FILE" in found} == {"login"}


def test_functions_the_connector_and_the_operator_are_different_users_of_the_broker(secrets: SecretFiles) -> None:
    found = programs(secrets)
    files = {name: Path(each["RABBITMQ_URL_FILE"]).name for name, each in found.items() if "RABBITMQ_URL_FILE" in each}
    assert files.pop("connector") == "rabbitmq_connector_url"
    assert set(files.values()) == {"rabbitmq_functions_url"}
    operator = services.operator(ServiceContext(PORTS, secrets, {}, {}))
    assert Path(operator["RABBITMQ_URL_FILE"]).name == "rabbitmq_operator_url"


def test_overrides_go_before_exported_settings_and_these_before_the_local_ones(secrets: SecretFiles) -> None:
    name = "CONVERT_TIMEOUT_SECONDS"
    for exported, settings, value in (
        ({}, {}, LOCAL_SETTINGS[name]),
        ({name: "7"}, {}, "7"),
        ({name: "7"}, {name: "8"}, "8"),
        ({}, {name: "8"}, "8"),
    ):
        assert programs(secrets, exported, **settings)["convert"][name] == value
        assert services.operator(ServiceContext(PORTS, secrets, exported, settings))[name] == value


def test_every_function_that_writes_jobs_has_the_same_periods(secrets: SecretFiles) -> None:
    """functions/README.md, rule 7."""
    exported = {name: "77" for name in setting_names.exportable() if name.endswith("_SECONDS")}
    found = programs(secrets, exported)
    assert exported
    for name in FUNCTIONS:
        assert {setting: found[name][setting] for setting in exported} == exported


@pytest.mark.parametrize(
    "name", ["MYSQL_URL", "LINK_SECRET", "METRICS_TOKEN", "FUNCTION_TARGET", "VERSION", "PORT", "PATH", "CRASH_AT"]
)
def test_secrets_and_other_variables_are_not_taken_from_the_user(name: str, secrets: SecretFiles) -> None:
    for found in programs(secrets, {name: "from the user"}).values():
        assert found.get(name) != "from the user"


def test_the_connector_calls_the_functions_themselves(secrets: SecretFiles) -> None:
    found = programs(secrets)["connector"]
    sinks = dict(pair.split("=", 1) for pair in found["CONNECTOR_SINKS"].split())
    assert sinks == {queue: f"http://127.0.0.1:{PORTS[name]}/" for name, queue in EVENT_FUNCTIONS.items()}
    assert found["SWEEP_URL"] == f"http://127.0.0.1:{PORTS['sweep']}/"
    assert found["CONNECTOR_HEALTH_PORT"] == str(PORTS["connector"])
    for name in (*EVENT_FUNCTIONS, "sweep"):
        assert (
            programs(secrets)[name]["EVENT_TOKEN_FILE"] == found["EVENT_TOKEN_FILE"] == str(secrets.path("event_token"))
        )


def test_a_function_added_since_the_last_start_has_no_url() -> None:
    found = services.urls({name: port for name, port in PORTS.items() if name != "sweep"})
    assert found == {name: f"http://127.0.0.1:{PORTS[name]}" for name in FUNCTIONS if name != "sweep"}


def backends(*, private: bool) -> dict[str, Backend]:
    program = Program("rabbitmq", BACKENDS, ["x"], lambda: True)
    urls = {"mysql": "mysql://a", "mongodb": "mongodb://b", "rabbitmq": "amqp://admin:w@c/x", "smtp": "smtp://d"}
    return {name: Backend(name, url, lambda: True, [program] if private else []) for name, url in urls.items()}


@pytest.mark.parametrize("private", [True, False])
def test_urls_with_passwords_are_written_to_secret_files(private: bool, secrets: SecretFiles) -> None:
    """A server of the user's own has one user for all tasks."""
    for user in ("functions", "connector", "operator"):
        secrets.write(f"rabbitmq_{user}_password", f"word-of-{user}")
    for user in mysql.USERS:
        secrets.write(f"mysql_{user}_password", f"word-of-{user}")
    services.write_urls(secrets, PORTS, backends(private=private))
    assert [secrets.read(f"{name}_url") for name in ("mysql", "mongodb", "smtp")] == [
        "mysql://a",
        "mongodb://b",
        "smtp://d",
    ]
    for user in ("functions", "connector", "operator"):
        url = secrets.read(f"rabbitmq_{user}_url")
        expected = f"amqp://{user}:word-of-{user}@127.0.0.1:{PORTS['rabbitmq']}/mp3converter"
        assert url == (expected if private else "amqp://admin:w@c/x")
    for user in mysql.USERS:
        url = f"mysql://{user}:word-of-{user}@127.0.0.1:{PORTS['mysql']}/mp3converter?tls=none"
        assert secrets.read(f"mysql_{user}_url") == (url if private else "mysql://a")
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.folder.iterdir()} == {0o600}
