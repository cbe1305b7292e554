"""The real curl, run in a shell: the three lines of the README, as a person pastes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

TIMEOUT_SECONDS = 60


def run(line: str, folder: Path) -> str:
    """Run one pasted line in a folder and return what it prints."""
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )
    assert done.returncode == 0, f"{line}\nexit {done.returncode}: {done.stderr}"
    return done.stdout


def status(line: str, folder: Path) -> int:
    """Run one line, and return the status of the answer."""
    return int(run(f"{line} -s -o /dev/null -w '%{{http_code}}'", folder))


def login_line(url: str, email: str, password: str) -> str:
    """Return the first line: credentials in, token out."""
    return f"curl -X POST -u '{email}:{password}' {url}"


def upload_line(url: str, token: str) -> str:
    """Return the second line: ./test.mp4 goes in."""
    return f"curl -X POST -F 'file=@./test.mp4' -H 'Authorization: Bearer {token}' {url}"


def download_line(url: str, token: str, fid: str) -> str:
    """Return the third line: out.mp3 comes back."""
    return f"""curl --output out.mp3 -H 'Authorization: Bearer {token}' "{url}?fid={fid}\""""
