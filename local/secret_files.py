"""Keys and passwords: generated once, kept in files that only their owner can read."""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from local.home import Home

PASSWORDS = (
    "link_secret",
    "signup_token",
    "metrics_token",
    "event_token",
    "mysql_root_password",
    "mysql_login_password",
    "mysql_reader_password",
    "mysql_sweep_password",
    "rabbitmq_admin_password",
    "rabbitmq_functions_password",
    "rabbitmq_connector_password",
    "rabbitmq_operator_password",
)


class SecretFiles:
    """The secrets of one home, by name."""

    def __init__(self, home: Home) -> None:
        self.folder = home.secrets

    def make(self) -> None:
        """Generate every secret that does not exist yet."""
        for name in PASSWORDS:
            self._once(name, lambda: secrets.token_urlsafe(32))
        self._once("jwt_private_key", private_key)
        self.write("jwt_public_keys", public_keys(self.read("jwt_private_key")))

    def path(self, name: str) -> Path:
        """Return the file of a secret."""
        return self.folder / name

    def read(self, name: str) -> str:
        """Return a secret."""
        return self.path(name).read_text()

    def write(self, name: str, value: str) -> Path:
        """Write a value that is derived anew by each start, and return its file."""
        path = self.path(name)
        unfinished = path.with_suffix(".new")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(value)
        unfinished.rename(path)
        return path

    def _once(self, name: str, make: Callable[[], str]) -> None:
        if not self.path(name).exists():
            self.write(name, make())


def private_key() -> str:
    """Generate an Ed25519 key that signs tokens."""
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def public_keys(private_key: str) -> str:
    """Return the JWK set that verifies this key's signatures."""
    key = serialization.load_pem_private_key(private_key.encode(), password=None)
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    required = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(public)}
    # RFC 7638: the hash of the required members, in alphabetical order and without spaces
    thumbprint = hashlib.sha256(json.dumps(required, sort_keys=True, separators=(",", ":")).encode()).digest()
    return json.dumps({"keys": [{**required, "kid": _base64url(thumbprint), "use": "sig", "alg": "EdDSA"}]})


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
