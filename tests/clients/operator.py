"""The commands for jobs and users, run the way an operator runs them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.home import ROOT

TIMEOUT_SECONDS = 60
NOT_OURS = {f"{backend}_URL{end}" for backend in ("MONGODB", "RABBITMQ", "MYSQL") for end in ("", "_FILE")}


@dataclass(frozen=True)
class CommandResult:
    """How a command ended, and what it printed."""

    status: int
    text: str
    complaint: str

    def row(self, start: str) -> list[str]:
        """Return the cells of the only line with this prefix."""
        lines = [line for line in self.text.splitlines() if line.startswith(start)]
        assert len(lines) == 1, self
        return [cell.strip() for cell in lines[0].split("  ") if cell]


@dataclass(frozen=True)
class Operator:
    """An operator's command line, with a local system in this home, and exported settings."""

    home: Path
    exported: Mapping[str, str] = field(default_factory=dict)

    def jobs(self, *words: str) -> CommandResult:
        """Run ./local/jobs."""
        return self.run("jobs", *words)

    def run(self, command: str, *words: str) -> CommandResult:
        """Run a command of ./local."""
        kept = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
        done = subprocess.run(
            [f"local/{command}", *words],
            cwd=ROOT,
            env={**kept, "LOCAL_HOME": str(self.home), **self.exported},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return CommandResult(done.returncode, done.stdout, done.stderr)

    def done(self, *words: str) -> CommandResult:
        """Run ./local/jobs, which must succeed."""
        said = self.jobs(*words)
        assert said.status == 0, said
        return said
