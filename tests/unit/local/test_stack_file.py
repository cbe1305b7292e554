"""stack.yml agrees with the local system and the functions' code."""

import re
from pathlib import Path

import pytest

from local import plan, services, stack_file, version
from local.home import ROOT, Home
from tests import declared
from tests.local.private import EXTERNAL

NAMES = sorted(stack_file.functions())


def test_every_function_is_listed() -> None:
    """Every room with a main.py is served over HTTP."""
    rooms = (ROOT / "functions").glob("*/main.py")
    assert sorted(room.parent.name for room in rooms) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_functions_that_take_events_ask_for_the_token(name: str) -> None:
    """The gateway knows them by it, and does not route to them."""
    declared_in_code = "\nTAKES_EVENTS = True\n" in (ROOT / "functions" / name / "main.py").read_text()
    assert stack_file.takes_events(name) == declared_in_code
    assert ("EVENT_TOKEN_FILE" in stack_file.settings(name)) == declared_in_code


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_is_complete(name: str) -> None:
    entry = stack_file.functions()[name]

    assert entry["lang"] == "dockerfile"
    assert entry["build_args"] == {"FUNCTION": name, "VERSION": version.own()}
    assert all(isinstance(value, str) for value in entry["environment"].values())
    assert all(isinstance(value, str) for value in entry["labels"].values())


@pytest.mark.parametrize("name", NAMES)
def test_every_secret_is_mounted_and_every_file_is_a_mounted_secret(name: str) -> None:
    entry = stack_file.functions()[name]
    files = {value for setting, value in entry["environment"].items() if setting.endswith("_FILE")}

    assert files == {f"/var/openfaas/secrets/{secret}" for secret in entry["secrets"]}
    assert all(re.fullmatch(r"[a-z0-9-]+", secret) for secret in entry["secrets"])


def test_the_local_system_has_every_secret_port_and_route(tmp_path: Path) -> None:
    planned = plan.make(Home(tmp_path), gateway_port=None, environ=EXTERNAL)
    routes = planned.programs["gateway"].environment["ROUTES"].splitlines()

    public = [name for name in planned.functions if "event-token" not in stack_file.functions()[name]["secrets"]]
    assert public == ["login", "upload", "download", "jobs", "page"]
    assert routes == [f"import function {name} {planned.ports[name]}" for name in public]
    for name in NAMES:
        given = planned.programs[name].environment
        files = {setting for setting in stack_file.settings(name) if setting.endswith("_FILE")}
        assert files <= given.keys()
        assert all(Path(given[setting]).is_file() for setting in files)
        assert given["PORT"] == str(planned.ports[name])


def test_functions_publish_with_their_own_user() -> None:
    assert services.secret_files("upload")["RABBITMQ_URL_FILE"] == "rabbitmq_functions_url"


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_known_to_the_functions(name: str) -> None:
    known = declared.of_the_functions().keys() | declared.of_the_server().keys()
    set_here = {setting.removesuffix("_FILE") for setting in stack_file.functions()[name]["environment"]}

    assert set_here <= known


def test_an_exported_setting_reaches_the_functions_and_nothing_else_does(tmp_path: Path) -> None:
    exported = {"VIDEO_KEEP_DAYS": "2", "TOKEN_TTL_SECONDS": "60", "THREADS": "3", "MAIL_FROM": "A <a@example.org>"}
    ignored = {"VERSION": "9", "FUNCTION_TARGET": "x", "METRICS_TOKEN": "x", "LD_PRELOAD": "x", "JWT_PUBLIC_KEYS": "x"}
    planned = plan.make(Home(tmp_path), gateway_port=None, environ={**EXTERNAL, **exported, **ignored})
    for name in NAMES:
        given = planned.programs[name].environment
        assert exported.items() <= given.items()
        assert not ignored.items() & given.items()


def test_image_prefix_names_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    for chosen, prefix in (("registry.example.com/mp3", "registry.example.com/mp3"), ("", "mp3converter")):
        monkeypatch.setenv("IMAGE_PREFIX", chosen)
        assert {entry["image"] for entry in stack_file.functions().values()} == {
            f"{prefix}/{name}:latest" for name in NAMES
        }
