"""stack.yml says the same as the code that runs locally."""

import re

import pytest

from functions.common import settings as common
from local import services, stack_file

NAMES = list(services.FILES)


def declared_names() -> set[str]:
    """Return every setting that the functions know."""
    source = common.__file__
    with open(source) as file:
        return set(re.findall(r'"([A-Z][A-Z0-9_]{3,})"', file.read()))


def test_it_lists_every_function() -> None:
    assert sorted(stack_file.functions()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_is_complete(name: str) -> None:
    entry = stack_file.functions()[name]

    assert entry["lang"] == "dockerfile"
    assert entry["build_args"] == {"FUNCTION": name}
    assert all(isinstance(value, str) for value in entry["environment"].values())
    assert all(isinstance(value, str) for value in entry["labels"].values())


@pytest.mark.parametrize("name", NAMES)
def test_every_secret_is_mounted_and_every_file_is_a_mounted_secret(name: str) -> None:
    entry = stack_file.functions()[name]
    files = {value for setting, value in entry["environment"].items() if setting.endswith("_FILE")}

    assert files == {f"/var/openfaas/secrets/{secret}" for secret in entry["secrets"]}
    assert all(re.fullmatch(r"[a-z0-9-]+", secret) for secret in entry["secrets"])


@pytest.mark.parametrize("name", NAMES)
def test_it_gives_a_function_the_same_secrets_as_the_local_system(name: str) -> None:
    entry = stack_file.functions()[name]
    files = {setting for setting in entry["environment"] if setting.endswith("_FILE")}

    assert files == {*services.FILES[name], "METRICS_TOKEN_FILE"}


@pytest.mark.parametrize("name", NAMES)
def test_it_sets_nothing_that_no_function_reads(name: str) -> None:
    known = declared_names() | {"THREADS", "GRACEFUL_TIMEOUT_SECONDS"}
    set_here = {setting.removesuffix("_FILE") for setting in stack_file.functions()[name]["environment"]}

    assert set_here <= known


def test_its_images_are_of_the_registry_that_somebody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for chosen, prefix in (("registry.example.com/mp3", "registry.example.com/mp3"), ("", "mp3converter")):
        monkeypatch.setenv("IMAGE_PREFIX", chosen)
        assert {entry["image"] for entry in stack_file.functions().values()} == {
            f"{prefix}/{name}:latest" for name in NAMES
        }
