"""Secrets: generated once, readable only by their owner, and keys that belong together."""

from __future__ import annotations

import json
import multiprocessing
import stat
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from functions.common.bearer import Bearer
from functions.common.tokens import Signer, Verifier
from local import token_keys
from local.home import Home
from local.processes import configuration
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


ADA = Bearer("1", "ada@example.org")
HOUR = 3600


class Killed(BaseException):
    """The process ends here."""


def signed(secrets: SecretFiles) -> str:
    return Signer(secrets.read("jwt_private_key"), HOUR).sign(ADA)


def is_verified(secrets: SecretFiles, token: str) -> bool:
    return Verifier(secrets.read("jwt_public_keys")).verify(token) == ADA


def signing(secrets: SecretFiles) -> str:
    return str(token_keys.public_key(secrets.read("jwt_private_key"))["kid"])


@pytest.mark.attack("A14")
def test_after_a_rotation_another_key_signs_and_the_former_one_verifies(secrets: SecretFiles) -> None:
    former, token = signing(secrets), signed(secrets)
    began = int(time.time())
    secrets.rotate()
    first, second = secrets.token_keys()
    assert first["kid"] == signing(secrets) != former == second["kid"]
    assert began <= first["iat"] <= time.time()
    assert "exp" not in first
    assert began + HOUR + token_keys.MARGIN_SECONDS <= second["exp"] <= time.time() + HOUR + token_keys.MARGIN_SECONDS
    assert is_verified(secrets, token)
    assert is_verified(secrets, signed(secrets))


def test_the_former_key_counts_for_the_life_of_a_token(home: Home, secrets: SecretFiles) -> None:
    """As long as login gives tokens, if that was set for the start."""
    configuration.write_operator(home, {"TOKEN_TTL_SECONDS": "60"})
    secrets.rotate()
    assert secrets.token_keys()[1]["exp"] <= time.time() + 60 + token_keys.MARGIN_SECONDS


@pytest.mark.parametrize("change", [SecretFiles.make, SecretFiles.rotate])
def test_a_key_goes_when_its_tokens_are_over(
    change: Callable[[SecretFiles], None], secrets: SecretFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the next start or rotation; the verifier has not counted it since."""
    secrets.rotate()
    former = secrets.token_keys()[1]
    for seconds, kept in ((-1, True), (0, False)):
        monkeypatch.setattr(time, "time", lambda now=former["exp"] + seconds: now)
        change(secrets)
        assert (former in secrets.token_keys()) is kept


def test_a_start_keeps_the_keys(secrets: SecretFiles) -> None:
    """It derived the set from the private key alone, and logged everyone out whom a rotation had not."""
    token = signed(secrets)
    secrets.rotate()
    before = contents(secrets)
    secrets.make()
    assert contents(secrets) == before
    assert is_verified(secrets, token)


def test_a_set_of_an_earlier_version_is_kept(secrets: SecretFiles) -> None:
    """Its key does not say since when it exists."""
    old = token_keys.public_key(secrets.read("jwt_private_key"))
    secrets.write("jwt_public_keys", json.dumps({"keys": [old]}))
    token = signed(secrets)
    secrets.make()
    assert secrets.token_keys() == [old]
    secrets.rotate()
    assert is_verified(secrets, token)
    assert secrets.token_keys()[1].items() >= old.items()


def test_a_restored_private_key_signs_again(secrets: SecretFiles) -> None:
    restored = secrets.read("jwt_private_key")
    secrets.rotate()
    token = signed(secrets)
    secrets.write("jwt_private_key", restored)
    secrets.make()
    assert secrets.token_keys()[0].items() >= token_keys.public_key(restored).items()
    assert ["exp" in key for key in secrets.token_keys()] == [False, True]
    assert is_verified(secrets, token)
    assert is_verified(secrets, signed(secrets))


def twice(work: Callable[[], None]) -> None:
    work()
    work()


@pytest.mark.parametrize("before", range(7))
def test_a_rotation_may_die_anywhere(before: int, secrets: SecretFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before each rename: every key that may sign is known at once, and the next rotation puts all in order."""
    tokens = [signed(secrets)]
    rename, left = Path.rename, before

    def rename_or_die(path: Path, target: Any) -> Path:
        nonlocal left
        if not left:
            raise Killed
        left -= 1
        found = rename(path, target)
        tokens.append(signed(secrets))
        assert all(is_verified(secrets, token) for token in tokens)
        return found

    monkeypatch.setattr(Path, "rename", rename_or_die)
    with pytest.raises(Killed) if before < 6 else nullcontext():
        twice(secrets.rotate)
    monkeypatch.undo()
    assert all(is_verified(secrets, token) for token in tokens)
    secrets.make()
    keys = secrets.token_keys()
    assert [key["kid"] for key in keys if "exp" not in key] == [signing(secrets)]
    secrets.rotate()
    assert all(is_verified(secrets, token) for token in [*tokens, signed(secrets)])


def test_rotations_at_once_lose_no_key(secrets: SecretFiles) -> None:
    token = signed(secrets)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=secrets.rotate) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    assert len(secrets.token_keys()) == 9
    assert is_verified(secrets, token)
    assert is_verified(secrets, signed(secrets))
