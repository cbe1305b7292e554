"""What a container is given: its manifest, and local files for its secrets and /tmp."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from local import stack_file
from local.cluster import credentials
from local.secret_files import SecretFiles
from tests.containers import manifest
from tests.manifests.building import KNATIVE, objects

FUNCTIONS = tuple(stack_file.functions())
OVERLAY = KNATIVE / "overlays" / "dev"
# The connector has no manifest, because in a cluster a RabbitmqSource does its work: it gets the rights of this one.
CONNECTOR_IS_LIKE = "sweep"
CONNECTOR_SECRETS = "/var/run/secrets/mp3converter"
# The local secret for each key of the manifests' secrets.
VALUES = {
    "metrics-token": "metrics_token",
    "event-token": "event_token",
    "mongodb-url": "mongodb_url",
    "mongodb-reader-url": "mongodb_url",
    "mysql-url": "mysql_url",
    "mysql-reader-url": "mysql_reader_url",
    "mysql-sweep-url": "mysql_sweep_url",
    "rabbitmq-url": "rabbitmq_functions_url",
    "smtp-url": "smtp_url",
    "link-secret": "link_secret",
    "signup-token": "signup_token",
    "jwt-private-key": "jwt_private_key",
    "jwt-public-keys": "jwt_public_keys",
}


@cache
def said(function: str) -> manifest.Run:
    """Return what a function's manifest says."""
    return manifest.read(function, objects(OVERLAY))


def words(function: str, tmp: Path, secrets: SecretFiles, folder: Path) -> list[str]:
    """Return the arguments for everything in a manifest except settings; secrets are written into the folder."""
    run = said(function)
    (place,) = run.scratch
    (secret,) = run.secrets
    # Knative's sources cannot send the token; here, events come from the connector, as on OpenFaaS.
    token = [credentials.EVENT_TOKEN] if stack_file.takes_events(function) else []
    _write(folder, {key: secrets.read(VALUES[key]) for key in _keys()[secret.name] + token}, secret.mode)
    return [*run.rights, *run.limits, f"--volume={tmp}:{place}", f"--volume={folder}:{secret.folder}:ro"]


def token_settings(function: str) -> dict[str, str]:
    """Return where a function that takes events reads the token for them."""
    (secret,) = said(function).secrets
    return (
        {"EVENT_TOKEN_FILE": f"{secret.folder}/{credentials.EVENT_TOKEN}"} if stack_file.takes_events(function) else {}
    )


def connector_words(tmp: Path, secrets: SecretFiles, folder: Path) -> list[str]:
    """Return the same for the connector."""
    run = said(CONNECTOR_IS_LIKE)
    values = {"rabbitmq-url": "rabbitmq_connector_url", credentials.EVENT_TOKEN: "event_token"}
    _write(folder, {key: secrets.read(name) for key, name in values.items()}, manifest.SECRET_MODE)
    return [*run.rights, *run.limits, f"--volume={tmp}:/tmp", f"--volume={folder}:{CONNECTOR_SECRETS}:ro"]


def connector_settings() -> dict[str, str]:
    """Return the settings of the connector that are the same everywhere: as many calls as a function accepts."""
    calls = {"videos": said("convert").concurrency, "mp3s": said("notify").concurrency}
    return {
        "RABBITMQ_URL_FILE": f"{CONNECTOR_SECRETS}/rabbitmq-url",
        "EVENT_TOKEN_FILE": f"{CONNECTOR_SECRETS}/{credentials.EVENT_TOKEN}",
        "CONNECTOR_PARALLELISM": " ".join(f"{queue}={number}" for queue, number in calls.items()),
    }


def _keys() -> dict[str, list[str]]:
    """Return the keys of each secret, as created by the documented command."""
    made = credentials.make(mongodb="nowhere", mysql="nowhere", rabbitmq="nowhere", smtp_url="smtp://nowhere")
    return {secret["metadata"]["name"]: list(secret["stringData"]) for secret in made}


def _write(folder: Path, values: dict[str, str], mode: int) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    for key, value in values.items():
        (folder / key).write_text(value)
        (folder / key).chmod(mode)
