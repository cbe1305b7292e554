"""Running a command: how it ends."""

from __future__ import annotations

import subprocess
import sys

from local.home import ROOT

TIMEOUT_SECONDS = 60


def test_a_reader_that_ends_early_is_not_an_error() -> None:
    """Such as head."""
    command = [sys.executable, "-m", "local.main", "cluster/secrets", "--smtp-url", "smtp://relay"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(TIMEOUT_SECONDS) == 141
