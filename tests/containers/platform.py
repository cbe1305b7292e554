"""What a platform gives a function: the settings of stack.yml, and a file for each secret."""

from __future__ import annotations

from pathlib import Path

from local import stack_file
from local.home import Home
from local.secret_files import SecretFiles

SECRETS = "/var/openfaas/secrets"
# Nothing answers there; a function starts and is healthy all the same.
NOWHERE = {
    "mongodb_url": "mongodb://user:password@127.0.0.1:9/",
    "mysql_url": "mysql://user:password@127.0.0.1:9/mp3converter?tls=none",
    "rabbitmq_url": "amqp://user:password@127.0.0.1:9/mp3converter",
    "smtp_url": "smtp://127.0.0.1:9?tls=none",
}


def make_secrets(folder: Path) -> SecretFiles:
    """Make every secret that stack.yml names."""
    home = Home(folder)
    home.make()
    secrets = SecretFiles(home)
    secrets.make()
    for name, url in NOWHERE.items():
        secrets.write(name, url)
    return secrets


def environment(function: str) -> dict[str, str]:
    """Return a function's settings."""
    if function == "connector":
        return {
            "RABBITMQ_URL_FILE": f"{SECRETS}/rabbitmq-url",
            "CONNECTOR_SINKS": "videos=http://127.0.0.1:9/ mp3s=http://127.0.0.1:9/",
        }
    declared: dict[str, str] = stack_file.functions()[function]["environment"]
    return declared


def mounts(function: str, secrets: SecretFiles, folder: Path) -> list[tuple[Path, str]]:
    """Write the secrets that a function is given into a folder that its user may read; return the mount of it."""
    names = ["rabbitmq-url"] if function == "connector" else stack_file.functions()[function]["secrets"]
    for name in names:
        (folder / name).write_text(secrets.read(name.replace("-", "_")))
        (folder / name).chmod(0o444)
    folder.chmod(0o755)
    return [(folder, SECRETS)]
