"""Where a login is kept: in the keyring of the desktop if there is one, else in a file that only its user may read."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from mp3converter_client import program
from mp3converter_client.failure import Failure

_NAME = "mp3converter-client"
_USER = "login"


@dataclass(frozen=True)
class Login:
    """Who is logged in where; a token has no `key_id`."""

    url: str
    email: str
    secret: str = field(repr=False)
    key_id: str | None


def file() -> Path:
    """Return the file for logins without a keyring."""
    return platformdirs.user_config_path(_NAME, appauthor=False) / "login.json"


def keep(login: Login) -> str:
    """Keep a login in place of the former one; return where it is kept."""
    text = json.dumps(asdict(login))
    # Delete the old login last: its key is still valid, so an interruption here does not log the user out.
    if _keep_in_keyring(text):
        file().unlink(missing_ok=True)
        return "the keyring"
    _write(file(), text)
    _forget_in_keyring()
    return str(file())


def kept() -> Login | None:
    """Return the login that is kept, if there is one. Raises Failure if it cannot be read."""
    ring = _keyring()
    text = None
    if ring:
        with suppress(ring.errors.KeyringError):
            text = ring.get_password(_NAME, _USER)
    if text is None and file().exists():
        text = file().read_text()
    if text is None:
        return None
    try:
        return Login(**json.loads(text))
    except (ValueError, TypeError):
        raise Failure("no_login", f"The login in {file()} is damaged. Log in again: {program.name} login") from None


def forget() -> None:
    """Forget the login that is kept."""
    file().unlink(missing_ok=True)
    _forget_in_keyring()


def _forget_in_keyring() -> None:
    ring = _keyring()
    if ring:
        with suppress(ring.errors.KeyringError):  # there was none, or no keyring answers
            ring.delete_password(_NAME, _USER)


def _keep_in_keyring(text: str) -> bool:
    ring = _keyring()
    if ring is None:
        return False
    try:
        ring.set_password(_NAME, _USER, text)
        # Some keyrings take everything and keep nothing.
        return bool(ring.get_password(_NAME, _USER) == text)
    except ring.errors.KeyringError:
        return False


def _keyring() -> Any:
    try:
        import keyring
        import keyring.errors
    except ImportError:  # an extra of the package
        return None
    return keyring


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
            written.write(text)
            written.flush()
            os.fsync(written.fileno())
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)
