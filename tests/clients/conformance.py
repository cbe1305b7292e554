"""Schemathesis drives a system by the document of its API, and holds each answer against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.home import ROOT

CONFIGURATION = ROOT / "tests" / "e2e" / "schemathesis.toml"
# Every run makes the same requests: the examples, and each constraint of the document kept and broken.
REPEATABLE = ("--phases=examples,coverage", "--generation-deterministic")
TIMEOUT_SECONDS = 3600


@dataclass(frozen=True)
class Findings:
    """What a run reports, and what it printed."""

    report: Mapping[str, Any]
    text: str

    @property
    def failures(self) -> dict[str, set[str]]:
        """The kinds of failures of each operation that has some."""
        found: dict[str, set[str]] = {}
        for failure in self.report["failures"]:
            for operation in failure["operations"]:
                found.setdefault(operation, set()).add(failure["type"])
        return found


def drive(gateway: str, document: str, known: Mapping[str, str], folder: Path, *arguments: str) -> Findings:
    """Drive a system; `known` is what the configuration takes from the environment, a file in `folder` the report."""
    report = folder / "report.json"
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            f"--config-file={CONFIGURATION}",
            "run",
            document,
            f"--url={gateway}",
            f"--report-json-path={report}",
            "--no-color",
            *arguments,
        ],
        cwd=folder,
        env={**os.environ, **known},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    text = done.stdout + done.stderr
    assert done.returncode in (0, 1), text
    findings = Findings(json.loads(report.read_text()), text)
    assert findings.report["complete"], text
    assert findings.report["errors"] == [], text
    return findings
