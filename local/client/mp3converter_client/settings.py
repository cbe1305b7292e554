"""What the environment says: MP3_URL, and MP3_TOKEN or MP3_KEY; each may be a file that NAME_FILE names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mp3converter_client.failure import Wrong

URL = "MP3_URL"
SECRETS = ("MP3_TOKEN", "MP3_KEY")


def read(environment: Mapping[str, str], name: str) -> str | None:
    """Return a setting, None if it is not set. Raises Wrong if its file cannot be read."""
    given, file = environment.get(name), environment.get(f"{name}_FILE")
    if given and file:
        raise Wrong(f"Set either {name} or {name}_FILE.")
    if file:
        try:
            given = Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Wrong(f"{name}_FILE names {file}, which cannot be read: {reason(error)}.") from None
    return given or None


def secret(environment: Mapping[str, str]) -> str | None:
    """Return the token or key in the environment, None if there is none. Raises Wrong."""
    found = [value for name in SECRETS if (value := read(environment, name))]
    if len(found) > 1:
        raise Wrong(f"Set either {' or '.join(SECRETS)}.")
    if found and not (found[0].isascii() and found[0].isprintable() and " " not in found[0]):
        raise Wrong("What the environment has as token or key is none: it contains spaces or other signs.")
    return found[0] if found else None


def reason(error: Exception) -> str:
    """Return why something failed, as the system says it."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
