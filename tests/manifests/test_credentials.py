"""With the Secrets that the command creates, every function starts, and all of them agree."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.common import config, settings
from functions.common.bearer import Bearer
from functions.common.tokens import Signer, Verifier
from local import stack_file
from local.cluster import credentials
from tests.manifests.building import KNATIVE, ROOT, objects
from tests.manifests.objects import jobs, one
from tests.manifests.settings import environment, kinds

MOUNTED = "/var/run/secrets/mp3converter"
FUNCTIONS = sorted(stack_file.functions())
WHOLE = [KNATIVE / "base", *sorted((KNATIVE / "overlays").iterdir())]


@pytest.fixture(scope="module")
def values() -> dict[str, dict[str, str]]:
    """The Secrets' values, by the Secret's name."""
    made = credentials.make("mongodb/mp3converter", "mysql/mp3converter", "rabbitmq", "smtp://relay:25")
    assert len({secret["metadata"]["name"] for secret in made}) == len(made)
    return {secret["metadata"]["name"]: secret["stringData"] for secret in made}


@pytest.mark.parametrize("folder", WHOLE, ids=lambda folder: folder.name)
def test_every_function_accepts_its_settings(folder: Path, values: Any, tmp_path: Path) -> None:
    """The function's own reader accepts what a pod would get."""
    periods = set()
    for name in FUNCTIONS:
        loaded = load(name, objects(folder), values[name], tmp_path / name)
        periods |= {value for value in loaded if isinstance(value, settings.Periods)}
    assert len(periods) == 1


def load(name: str, items: Any, secret: dict[str, str], mounted: Path) -> list[Any]:
    """Read all settings of a function, with its Secret mounted."""
    mounted.mkdir()
    for key, value in secret.items():
        (mounted / key).write_text(value)
    given = environment(one(items, "Service.serving.knative.dev", name), items)
    environ = {key: value.replace(MOUNTED, str(mounted)) for key, value in given.items()}
    return [config.load(kind, {**environ, "FUNCTION_TARGET": name}) for kind in kinds(name)]


@pytest.mark.parametrize("folder", [folder for folder in WHOLE if folder.parent.name == "overlays"], ids=str)
def test_the_migration_accepts_its_settings(folder: Path, values: Any, tmp_path: Path) -> None:
    items = objects(folder)
    (job,) = jobs(items)
    (tmp_path / credentials.MIGRATION_URL).write_text(values["mysql-admin"][credentials.MIGRATION_URL])
    given = {name: value.replace(MOUNTED, str(tmp_path)) for name, value in environment(job, items).items()}
    assert config.load(settings.Database, given).url.startswith("mysql://migrate:")


def test_tokens_are_accepted_by_the_functions(values: dict[str, dict[str, str]]) -> None:
    token = Signer(values["login"]["jwt-private-key"], 60, "").sign(Bearer("1", "a@example.org"))
    for name in ("upload", "download"):
        assert Verifier(values[name]["jwt-public-keys"]).verify(token).user == "1"
    assert values["notify"]["link-secret"] == values["download"]["link-secret"]


def test_no_secret_has_unused_values(values: dict[str, dict[str, str]]) -> None:
    items = objects(KNATIVE / "base")
    for name in FUNCTIONS:
        given = environment(one(items, "Service.serving.knative.dev", name), items)
        assert {Path(path).name for key, path in given.items() if key.endswith("_FILE")} == set(values[name])


def test_the_command_prints_them_for_the_given_databases_and_relay() -> None:
    smtp_url = "smtp://a:b@relay.example.com:587"
    command = [str(ROOT / "local" / "cluster" / "secrets"), "--smtp-url", smtp_url]
    command += ["--mongodb", "m.example.com/x?tls=true", "--mysql", "s.example.com/y?tls=required"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    secrets = list(yaml.safe_load_all(printed))
    made = credentials.make("", "", "", "")
    assert [secret["metadata"] for secret in secrets] == [secret["metadata"] for secret in made]
    values = {secret["metadata"]["name"]: secret["stringData"] for secret in secrets}
    assert values["notify"]["smtp-url"] == smtp_url
    assert values["upload"]["mongodb-url"].endswith("@m.example.com/x?tls=true")
    assert values["login"]["mysql-url"].endswith("@s.example.com/y?tls=required")
    assert values["upload"]["rabbitmq-url"].endswith("@rabbitmq.mp3converter-events.svc:5672/mp3converter")


def test_passwords_are_new_and_unique() -> None:
    both = [secret["stringData"] for _ in range(2) for secret in credentials.make("h/d", "h/d", "r", "smtp://r")]
    made = [values[key] for values in both for key in ("password", "mongodb-url", "mysql-url") if key in values]
    assert len(set(made)) == len(made)


def test_mongod_accepts_the_key_of_its_replica_set() -> None:
    """A key file holds 6 to 1024 characters of base64; mongod rejects any other (its manual, "Keyfiles")."""
    for _ in range(20):
        made = credentials.make("h/d", "h/d", "r", "smtp://r")
        (key,) = [secret["stringData"]["key"] for secret in made if secret["metadata"]["name"] == "mongodb-admin"]
        assert re.fullmatch(r"[A-Za-z0-9+/]{6,1024}", key)
