"""Move large files with curl, which costs the measured machine least."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

TIMEOUT_SECONDS = 900


def upload_raw(url: str, token: str, video: Path) -> str:
    """Upload a video as the body, and return its id."""
    target = f"{url}?{urlencode({'filename': video.name})}"
    return _accepted(["-X", "POST", "-H", "Content-Type: video/x-msvideo", "-T", str(video), target], token)


def upload_form(url: str, token: str, video: Path) -> str:
    """Upload a video as a form, and return its id."""
    return _accepted(["-F", f"file=@{video}", url], token)


def download(url: str, token: str, fid: str) -> int:
    """Download an MP3 to nowhere, and return its length."""
    return fetch(f"{url}?{urlencode({'fid': fid})}", token)


def archive(url: str, token: str, fids: Sequence[str]) -> int:
    """Download a zip of several MP3s to nowhere, and return its length."""
    return fetch(f"{url}?{urlencode({'archive': ','.join(fids)})}", token)


def fetch(target: str, token: str) -> int:
    """Download what is at an address to nowhere, and return its length."""
    return int(_curl(["-o", "/dev/null", "-w", "%{size_download}", target], token))


def _accepted(words: list[str], token: str) -> str:
    return str(json.loads(_curl(words, token))["id"])


def _curl(words: list[str], token: str) -> str:
    command = ["curl", "-sS", "--fail-with-body", "-H", f"Authorization: Bearer {token}", "-H", "Expect:", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"curl ended with {done.returncode}: {done.stderr}{done.stdout}")
    return done.stdout
