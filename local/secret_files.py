"""Keys and passwords: generated once, kept in files that only their owner can read."""

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from local import setting_names, token_keys
from local.home import Home
from local.processes import configuration
from local.token_keys import Key

PASSWORDS = (
    "link_secret",
    "signup_token",
    "metrics_token",
    "event_token",
    "mysql_root_password",
    "mysql_login_password",
    "mysql_reader_password",
    "mysql_sweep_password",
    "mysql_migrate_password",
    "rabbitmq_admin_password",
    "rabbitmq_functions_password",
    "rabbitmq_connector_password",
    "rabbitmq_operator_password",
)


class SecretFiles:
    """The secrets of one home, by name."""

    def __init__(self, home: Home) -> None:
        self.folder = home.secrets
        self._home = home

    def make(self) -> None:
        """Generate every secret that does not exist yet, and drop keys that verify no living token."""
        with self._locked():
            for name in PASSWORDS:
                self._once(name, lambda: secrets.token_urlsafe(32))
            self._once("jwt_private_key", token_keys.private_key)
            self._publish(self._settled())

    def token_keys(self) -> list[Key]:
        """Return the public keys of tokens."""
        path = self.path("jwt_public_keys")
        return token_keys.loaded(path.read_text()) if path.exists() else []

    def rotate(self) -> None:
        """Sign with a new key from now on; every function reads the files again.

        Those that verify can read the new key before login can. Killed at any line, this leaves what works, and what
        the next call or start puts in order.
        """
        with self._locked():
            new = token_keys.private_key()
            self._publish(token_keys.with_new(self._settled(), new, time.time()))
            self.write("jwt_private_key", new)
            self._publish(self._settled())

    def path(self, name: str) -> Path:
        """Return the file of a secret."""
        return self.folder / name

    def read(self, name: str) -> str:
        """Return a secret."""
        return self.path(name).read_text()

    def write(self, name: str, value: str) -> Path:
        """Write a value as a whole, and return its file."""
        path = self.path(name)
        unfinished = path.with_suffix(".new")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(value)
        unfinished.rename(path)
        return path

    def _settled(self) -> list[Key]:
        token_ttl = setting_names.token_ttl(configuration.read_operator(self._home).get("TOKEN_TTL_SECONDS", ""))
        return token_keys.settled(self.token_keys(), self.read("jwt_private_key"), token_ttl, time.time())

    def _publish(self, keys: list[Key]) -> None:
        self.write("jwt_public_keys", token_keys.dumped(keys))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let no other process change the keys; the kernel releases the lock when this one ends."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _once(self, name: str, make: Callable[[], str]) -> None:
        if not self.path(name).exists():
            self.write(name, make())
