"""Programs as a person runs them: in a UTF-8 terminal, without the developer's own settings."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.clients.everyday.client import TIMEOUT_SECONDS


def run(
    command: list[str],
    folder: Path,
    *,
    stdin: Path | None = None,
    allowed: tuple[int, ...] = (0,),
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program in a folder, with further environment variables; it must end with one of the allowed codes."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder), **(variables or {})}
    with (stdin or Path(os.devnull)).open("rb") as incoming:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=incoming,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    assert done.returncode in allowed, f"{command}\nexit {done.returncode}: {done.stderr.decode(errors='replace')}"
    return done
