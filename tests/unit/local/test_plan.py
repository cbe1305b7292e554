"""The plan of a local system: its own backends, or those that the user names."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import plan
from local.home import Home
from local.plan import Plan
from local.problem import Problem
from local.secret_files import SecretFiles
from tests.local.private import EXTERNAL

PORTS = {name: 20_000 + n for n, name in enumerate(["mysql", "mongodb", "rabbitmq", "epmd", "smtp", "mailbox"])} | {
    "rabbitmq-dist": 21_000
}
PRIVATE = {"mysql": ["mariadb"], "mongodb": ["mongodb"], "rabbitmq": ["epmd", "rabbitmq"], "smtp": ["mailbox"]}
SETTING = {"mysql": "MYSQL_URL", "mongodb": "MONGODB_URL", "rabbitmq": "RABBITMQ_URL", "smtp": "SMTP_URL"}


def programs(home: Home, secrets: SecretFiles, environ: dict[str, str]) -> dict[str, list[str]]:
    found = plan._backends(home, PORTS, secrets, environ, 60)
    return {name: [program.name for program in backend.programs] for name, backend in found.items()}


def test_every_backend_is_private_by_default(home: Home, secrets: SecretFiles) -> None:
    assert programs(home, secrets, {}) == PRIVATE
    assert programs(home, secrets, dict.fromkeys(SETTING.values(), "")) == PRIVATE


@pytest.mark.parametrize("name", SETTING)
def test_a_server_that_the_user_names_is_used(name: str, home: Home, secrets: SecretFiles) -> None:
    setting = SETTING[name]
    assert programs(home, secrets, {setting: EXTERNAL[setting]}) == PRIVATE | {name: []}
    found = plan._backends(home, PORTS, secrets, {setting: EXTERNAL[setting]}, 60)
    assert found[name].url == EXTERNAL[setting]


def test_a_url_may_be_in_a_file(home: Home, secrets: SecretFiles, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"{EXTERNAL['MYSQL_URL']}\n")
    assert programs(home, secrets, {"MYSQL_URL_FILE": str(file)})["mysql"] == []


def test_every_process_has_a_script_and_a_section(planned: Plan) -> None:
    configuration = (planned.home.run / "supervisord.conf").read_text()
    assert {*planned.functions, "connector", "gateway", "system"} == planned.programs.keys()
    for name in planned.programs:
        assert (planned.home.run / f"{name}.sh").is_file()
        assert f"[program:{name}]" in configuration


def test_the_urls_are_written_for_the_functions(planned: Plan) -> None:
    for name, setting in SETTING.items():
        assert planned.secrets.read(f"{name}_url") == EXTERNAL[setting]


def test_settings_reach_functions_and_the_operator(planned: Plan) -> None:
    assert planned.programs["convert"].environment["MAX_ATTEMPTS"] == "2"
    assert '"MAX_ATTEMPTS": "2"' in (planned.home.run / "operator.json").read_text()


def test_temporary_files_of_an_earlier_start_are_removed(planned: Plan) -> None:
    assert list(planned.home.tmp.iterdir()) == []


def test_without_a_private_mail_server_there_is_no_mailbox(planned: Plan) -> None:
    assert planned.mailbox is None


def test_an_unreadable_url_is_reported(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="MYSQL_URL_FILE names"):
        plan.make(Home(tmp_path), gateway_port=None, environ={"MYSQL_URL_FILE": str(tmp_path / "none")})
