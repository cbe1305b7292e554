"""Secrets: generated once, readable only by their owner, and keys that belong together."""

from __future__ import annotations

import json
import stat

import pytest

from functions.common.tokens import Bearer, Signer, Verifier
from local import secret_files
from local.secret_files import PASSWORDS, SecretFiles


def contents(secrets: SecretFiles) -> dict[str, str]:
    return {path.name: path.read_text() for path in secrets.folder.iterdir()}


def test_every_password_is_different_and_long(secrets: SecretFiles) -> None:
    found = [secrets.read(name) for name in PASSWORDS]
    assert len(set(found)) == len(PASSWORDS)
    assert min(map(len, found)) >= 32
    assert all(value.replace("-", "").replace("_", "").isalnum() for value in found), "safe in URLs and SQL"


def test_secrets_are_generated_once(secrets: SecretFiles) -> None:
    before = contents(secrets)
    secrets.make()
    assert contents(secrets) == before


def test_a_missing_secret_is_generated(secrets: SecretFiles) -> None:
    """A new version may need one more."""
    before = contents(secrets)
    secrets.path("link_secret").unlink()
    secrets.make()
    after = contents(secrets)
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {"link_secret"}


def test_only_their_owner_can_read_them(secrets: SecretFiles) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.folder.iterdir()} == {0o600}


@pytest.mark.parametrize("name", ["value", "rights.sql", "user.json"])
def test_a_value_is_replaced_as_a_whole(name: str, secrets: SecretFiles) -> None:
    """A longer file that a killed process left unfinished does not show through."""
    secrets.write(name, "first")
    unfinished = secrets.path(name).with_suffix(".new")
    unfinished.write_text("cut off, and longer than the value")
    assert secrets.write(name, "second") == secrets.path(name)
    assert secrets.read(name) == "second"
    assert not unfinished.exists()


def test_the_public_keys_verify_what_the_private_key_signs(secrets: SecretFiles) -> None:
    """The functions read both files."""
    ada = Bearer("1", "ada@example.org")
    token = Signer(secrets.read("jwt_private_key"), 60).sign(ada)
    assert Verifier(secrets.read("jwt_public_keys")).verify(token) == ada


def test_the_public_keys_follow_the_private_key(secrets: SecretFiles) -> None:
    secrets.write("jwt_private_key", secret_files.private_key())
    secrets.make()
    [published] = Signer(secrets.read("jwt_private_key"), 60).key_set["keys"]
    [key] = json.loads(secrets.read("jwt_public_keys"))["keys"]
    assert (key["kid"], key["x"]) == (published["kid"], published["x"])


def test_the_key_id_is_the_thumbprint_of_the_key() -> None:
    """RFC 8037, appendix A.3."""
    private = (
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
        "-----END PRIVATE KEY-----\n"
    )
    [key] = json.loads(secret_files.public_keys(private))["keys"]
    assert key == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        "use": "sig",
        "alg": "EdDSA",
    }
